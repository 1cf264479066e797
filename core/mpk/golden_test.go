package mpk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/stanza"
)

const testdata = "../../testdata/mmpack/"

// published is what the reference wrote into its index for each package, by the
// package's SHA-256. Of several steps the first counts: later ones rewrite what
// they do not touch, and damage it.
func published(tb testing.TB) map[string]map[string]string {
	tb.Helper()
	steps, err := filepath.Glob(testdata + "expected/*/binary-index.txt") // sorted
	if err != nil || len(steps) == 0 {
		tb.Fatalf("no expected indexes: %v", err)
	}
	all := map[string]map[string]string{}
	for _, step := range steps {
		text, err := os.ReadFile(step)
		if err != nil {
			tb.Fatal(err)
		}
		for scan := stanza.NewScanner(bytes.NewReader(text)); scan.Scan(); {
			fields, err := stanza.Parse(scan.Text())
			if err != nil {
				tb.Fatal(err)
			}
			values := map[string]string{}
			for _, f := range fields {
				values[f.Key] = f.Value
			}
			if _, ok := all[values["sha256"]]; !ok {
				all[values["sha256"]] = values
			}
		}
	}
	return all
}

func genuine(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob(testdata + "uploads/*/*.mpk")
	if err != nil || len(paths) != 29 {
		tb.Fatalf("%d genuine packages, want 29: %v", len(paths), err)
	}
	return paths
}

func read(tb testing.TB, data []byte) (*mpk.Package, []report.Finding) {
	tb.Helper()
	p, findings, err := mpk.Read(context.Background(), bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return p, findings
}

func TestGenuinePackages(t *testing.T) {
	t.Parallel()
	index := published(t)
	for _, path := range genuine(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, findings := read(t, data)
		for _, f := range findings {
			t.Errorf("%s: %s", path, f)
		}
		sum := sha256.Sum256(data)
		want, ok := index[hex.EncodeToString(sum[:])]
		if !ok {
			t.Fatalf("%s: not in any expected index", path)
		}
		for key, got := range map[string][]string{
			"name":          {p.Metadata.Name, p.Info.Name},
			"version":       {p.Metadata.Version, p.Info.Version},
			"source":        {p.Metadata.Source, p.Info.Source},
			"srcsha256":     {p.Metadata.SrcSHA256, p.Info.SrcSHA256},
			"sumsha256sums": {p.Metadata.SumSHA256Sums, p.SumshaSHA256},
			"ghost":         {p.Info.Ghost},
			"depends":       {p.Info.Depends},
			"sysdepends":    {p.Info.SysDepends},
			"description":   {p.Info.Description},
		} {
			for _, value := range got {
				if value != want[key] {
					t.Errorf("%s: %s is %q, the index has %q", path, key, value, want[key])
				}
			}
		}
		if p.DecodedSize%10240 != 0 || p.DecodedSize == 0 {
			t.Errorf("%s: decoded size %d", path, p.DecodedSize)
		}
	}
}

func TestGenuineMembers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(testdata + "uploads/06-foo-1.1.0/foo-devel_1.1.0_amd64-debian.mpk")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := read(t, data)
	want := []archive.Member{
		{Name: ".", Type: archive.FolderMember, Mode: 0o755},
		{Name: "./MMPACK", Type: archive.FolderMember, Mode: 0o755},
		{Name: "./MMPACK/info", Type: archive.FileMember, Mode: 0o644, Size: 0},
	}
	if len(p.Files) < 15 {
		t.Fatalf("%d members", len(p.Files))
	}
	for i, m := range p.Files[:3] {
		if m.Size = 0; m != want[i] {
			t.Errorf("member %d: %+v, want %+v", i, m, want[i])
		}
	}
	link := archive.Member{Name: "./lib/libfoo.so", Type: archive.SymlinkMember, Link: "libfoo.so.1"}
	found := false
	for _, m := range p.Files {
		m.Mode = 0
		found = found || m == link
	}
	if !found {
		t.Errorf("no %+v in %+v", link, p.Files)
	}
}
