//go:build unix

package upload

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

func TestPipesAndSockets(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	name := filepath.Join(root, "in", colonMPK)
	makers := map[string]func() error{
		"pipe": func() error { return syscall.Mkfifo(name, 0o644) },
		"socket": func() error {
			// The path of a socket has to be short.
			short, err := os.MkdirTemp("", "s")
			if err != nil {
				return err
			}
			defer os.RemoveAll(short)
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, "s"), Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			t.Cleanup(func() { l.Close() })
			return os.Rename(filepath.Join(short, "s"), name)
		},
	}
	u := open(t, fsys, "in", colonYAML)
	for kind, make := range makers {
		check(t, os.Remove(name))
		check(t, make())
		got, err := Stage(t.Context(), u, fsys, stageFolder, arch, Options{})
		check(t, err)
		r := got.Received[1]
		if r.Found || codes(r.Findings) != string(report.CodeMissing) || !strings.Contains(r.Findings[0].Message, "is a "+kind) {
			t.Errorf("%s: %+v", kind, r)
		}
		check(t, os.Remove(filepath.Join(root, stagedSource)))
	}
	check(t, os.Remove(name))
	check(t, syscall.Mkfifo(name, 0o644))
	_, _, err := Open(t.Context(), fsys, "in", colonMPK)
	wantError(t, err, report.CodeUsage, report.KindUsage, colonMPK)
}
