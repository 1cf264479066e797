package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// signed takes any upload with a file of signatures.
type signed struct{}

func (signed) Verify(_ context.Context, u upload.Upload) ([]report.Finding, error) {
	if len(u.Signatures) == 0 {
		return []report.Finding{{Code: report.CodeUnsigned, Message: "the manifest is not signed"}}, nil
	}
	return nil, nil
}

// demanding is a world whose repository wants signatures in some mode.
func demanding(t *testing.T, mode string) (*world, *Scanner) {
	t.Helper()
	w := newWorld(t)
	text, err := vfs.ReadFile(w.disk, repo.SettingsFile, 1<<20)
	must(t, err)
	base, _, _ := strings.Cut(string(text), "verifiers:")
	must(t, vfs.ReplaceFile(w.disk, repo.SettingsFile, repo.SettingsFile+".new", 0o600, []byte(base+"\nverifiers:\n    signature: {mode: "+mode+"}\n")))
	opt := w.options()
	opt.Request.Required = func(*repo.Repo) ([]verify.Named, error) {
		return []verify.Named{{Name: "signature", Verifier: signed{}, Warn: mode == "warn"}}, nil
	}
	s, err := New(opt)
	must(t, err)
	return w, s
}

// An upload without its signature waits for it, where one is wanted, and the signature
// leaves with the upload.
func TestWaitsForTheSignature(t *testing.T) {
	t.Parallel()
	w, s := demanding(t, "reject")
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.run(t, s, 5*time.Minute)
	if v := w.expect(t, u.Manifest.Name, Waiting); !hasCode(v, report.CodeUnsigned) {
		t.Errorf("%+v", v)
	}
	w.put(t, u.Manifest.Name+".minisig", []byte("s"))
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
	if _, err := w.drop.Lstat(u.Manifest.Name + ".minisig"); err == nil {
		t.Error("the signature is left")
	}
}

// It does not wait for ever, and does not wait where nobody asks for a signature.
func TestNoSignatureComes(t *testing.T) {
	t.Parallel()
	w, s := demanding(t, "reject")
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.run(t, s, 2*DefaultSettle)
	if v := w.expect(t, u.Manifest.Name, report.Rejected); !hasCode(v, report.CodeUnsigned) || v.Findings[0].Hint == "" {
		t.Errorf("%+v", v)
	}
	w, s = demanding(t, "warn")
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
}

// A refused upload takes its signature along.
func TestRefusedWithItsSignature(t *testing.T) {
	t.Parallel()
	w, s := demanding(t, "reject")
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.put(t, u.Manifest.Name, append(slices.Clone(u.Manifest.Data), "name: bar\n"...))
	w.put(t, u.Manifest.Name+".sig", []byte("s"))
	w.run(t, s, 2*DefaultSettle)
	v := w.expect(t, u.Manifest.Name, report.Rejected)
	if _, err := w.drop.Lstat(v.Rejected + "/" + u.Manifest.Name + ".sig"); err != nil {
		t.Error(err)
	}
}
