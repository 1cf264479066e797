package tupkg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestGuardedFile: a file that the system brings goes no further than one that is read.
func TestGuardedFile(t *testing.T) {
	t.Parallel()
	dir, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.WriteFile(filepath.Join(dir.Path(), "a"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &files{u: upload.Upload{FS: dir, Dir: "."}}
	defer f.close()
	k := &checking{after: time.Hour, unsent: map[string]bool{"a": true}, begun: true, done: make(chan struct{})}
	g := guarded{wire.File{Name: "a", Content: content{f, "a"}}, k}
	if file, err := g.Filed(0); file == nil || err != nil || len(k.unsent) > 0 {
		t.Errorf("%v %v, unsent %v", file, err, k.unsent)
	}
	k.found = []report.Finding{{Code: report.CodeHash, Severity: report.SeverityError}}
	close(k.done)
	if file, err := g.Filed(5); file != nil || !errors.Is(err, errRefused) {
		t.Errorf("%v %v", file, err)
	}
	g.Content = strings.NewReader("content")
	if file, err := g.Filed(0); file != nil || err != nil {
		t.Errorf("%v %v", file, err)
	}
}
