//go:build unix

package upload

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestSignaturesBesideTheManifest(t *testing.T) {
	t.Parallel()
	m := colon(t)
	u := open(t, m, ".", colonYAML)
	if len(u.Signatures) != 0 || !bytes.Equal(u.Text, read(t, m, colonYAML)) {
		t.Errorf("%d signatures, %d bytes of manifest", len(u.Signatures), len(u.Text))
	}
	write(t, m, colonYAML+".sig", []byte("s"))
	write(t, m, colonYAML+".minisig", []byte{})
	write(t, m, colonMPK+".sig", []byte("of something else"))
	write(t, m, colonYAML+".gpg", []byte("of something else"))
	u = open(t, m, ".", colonYAML)
	if len(u.Signatures) != 2 || u.Signatures[0].Name != colonYAML+".sig" || string(u.Signatures[0].Text) != "s" || u.Signatures[1].Name != colonYAML+".minisig" {
		t.Errorf("%+v", u.Signatures)
	}
	if len(u.Files) != 2 {
		t.Errorf("signatures are among the declared files: %v", u.Files)
	}
}

// One that is there and cannot be taken refuses the upload: who brought it counts on it.
func TestUnusableSignatures(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	at := filepath.Join(root, "in", colonYAML)
	outside := filepath.Join(t.TempDir(), "outside")
	check(t, os.WriteFile(outside, []byte("x"), 0o644))
	for say, put := range map[string]func(name string) error{
		"is a folder":        func(name string) error { return os.Mkdir(name, 0o755) },
		"leads out":          func(name string) error { return os.Symlink(outside, name) },
		"leads to nothing":   func(name string) error { return os.Symlink("nothing", name) },
		"is a pipe":          func(name string) error { return syscall.Mkfifo(name, 0o644) },
		"more than 65536 by": func(name string) error { return os.WriteFile(name, make([]byte, SignatureSize+1), 0o644) },
	} {
		check(t, put(at+".asc"))
		u, findings, err := Open(t.Context(), fsys, "in", colonYAML)
		check(t, err)
		if len(findings) != 1 || findings[0].Code != report.CodeSignature || !report.Refused(findings) || !strings.Contains(findings[0].Message, say) ||
			findings[0].File != colonYAML+".asc" || len(u.Signatures) != 0 {
			t.Errorf("%s: %+v", say, findings)
		}
		check(t, os.Remove(at+".asc"))
	}
}

func TestSignatureOnABrokenDisk(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"open", "fstat", "read"} {
		m := colon(t)
		write(t, m, colonYAML+".sig", []byte("s"))
		fsys := vfs.Observe(m, func(op vfs.Op) error {
			if op.Kind == kind && op.Name == colonYAML+".sig" {
				return syscall.EIO
			}
			return nil
		})
		_, _, err := Open(context.Background(), fsys, ".", colonYAML)
		wantError(t, err, report.CodeDisk, report.KindInternal, colonYAML+".sig")
	}
}
