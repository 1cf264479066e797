package upkeep_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	foo100   = "01-foo-1.0.0"
	greet090 = "03-greet-0.9.0"
	foo110   = "06-foo-1.1.0"
	foo110b  = "07-foo-1.1.0-rebuild"
	greet100 = "08-greet-1.0.0"
)

// world is a repository in memory and its clock, which goes on by itself.
type world struct {
	*vfs.Mem
	ticks atomic.Int64
	ids   atomic.Int64
}

func (w *world) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(w.ticks.Add(1)) * time.Microsecond)
}

func (w *world) skip(d time.Duration) { w.ticks.Add(int64(d / time.Microsecond)) }

func newWorld(t testing.TB, uploads ...string) *world {
	t.Helper()
	w := &world{}
	w.Mem = vfs.NewMem(w.now)
	_, _, err := repo.Init(context.Background(), w.Mem, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: "amd64-debian"})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads {
		w.publish(t, u)
	}
	return w
}

func (w *world) open(t testing.TB, fsys vfs.FS) *repo.Repo {
	t.Helper()
	r, err := pipeline.Open(fsys, "/repo")
	if err != nil {
		t.Fatal(err)
	}
	r.Now, r.Sleep = w.now, w.skip
	r.NewID = func() string { return fmt.Sprintf("id%06d", w.ids.Add(1)) }
	return r
}

func (w *world) publish(t testing.TB, name string) {
	t.Helper()
	dir := filepath.Join("../../testdata/mmpack/uploads", name)
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	found, err := filepath.Glob(filepath.Join(dir, "*.mmpack-manifest"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	u, _, err := upload.Open(context.Background(), folder, ".", filepath.Base(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := pipeline.Publish(context.Background(), w.open(t, w.Mem), pipeline.Request{
		Upload: u, Requests: plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true},
	})
	if err != nil || rep.Result == report.Rejected {
		t.Fatal(rep.Findings, err)
	}
}

func (w *world) options(r *repo.Repo, deep bool) upkeep.Options {
	return upkeep.Options{
		Deep: deep, Commit: pipeline.CommitOptions(pipeline.Options{}),
		Rewrite: func(ctx context.Context) error {
			_, err := pipeline.Heal(ctx, r, pipeline.Options{})
			return err
		},
	}
}

// read and write are for tests that damage things.
func (w *world) read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := vfs.ReadFile(w.Mem, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) write(t testing.TB, name string, mode uint32, text []byte) {
	t.Helper()
	_ = w.Remove(name)
	if err := vfs.CreateSynced(w.Mem, name, 0o644, text); err != nil {
		t.Fatal(err)
	}
	if mode != 0 {
		if err := w.Chmod(name, 0o777&vfsMode(mode)); err != nil {
			t.Fatal(err)
		}
	}
}

// edit changes the text of an index behind everybody's back.
func (w *world) edit(t testing.TB, name string, change func(string) string) {
	t.Helper()
	text := w.read(t, name)
	if name == "source-index" {
		w.write(t, name, 0, []byte(change(string(text))))
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := gzip.NewWriter(&b)
	if _, err := io.WriteString(out, change(string(plain))); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	w.write(t, name, 0, b.Bytes())
}

func replace(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("nothing to replace: " + from)
		}
		return strings.Replace(s, from, to, 1)
	}
}

func selector(name string) index.Selector { return index.Selector{Name: name} }

// unlock lets go what a dead process has held.
func (w *world) unlock() { w.Mem = w.Clone() }
