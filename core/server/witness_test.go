package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// reads counts the bytes that are read of packages that are staged.
type reads struct {
	mu    sync.Mutex
	calls int
}

func (r *reads) on(w *world) func(*Options) {
	return onDisk(vfs.Observe(w.disk, func(op vfs.Op) error {
		if op.Kind == "read" && strings.Contains(op.Name, "stage/") && strings.HasSuffix(op.Name, packageSuffix) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.calls++
		}
		return nil
	}))
}

// TestSeenOnce: a package that was looked into while it came is not read for the verdict,
// in one piece or in two; one that was not, is.
func TestSeenOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version int
		from    int64
		taken   int
		cut     bool
		again   bool
	}{
		"version 1":          {version: 1},
		"version 2":          {version: 2},
		"resumed":            {version: 2, cut: true},
		"too small":          {version: 2, from: 1 << 30, again: true},
		"no place":           {version: 2, taken: 2, again: true},
		"a place is left":    {version: 2, taken: 1},
		"too small, resumed": {version: 2, from: 1 << 30, cut: true, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r := newWorld(t), &reads{}
			w.start(t, r.on(w))
			w.lookFrom = c.from
			for range c.taken {
				w.looking <- struct{}{}
			}
			files := mpktest.Upload{Packages: []mpktest.Package{{Payload: 600_000}}}.Build().Files()
			if c.cut {
				client, done := w.dial(t)
				push, err := tupkg.Connect(t.Context(), &cutting{client, 400_000}, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch)})
				if err != nil {
					t.Fatal(err)
				}
				_, _ = push.Push(t.Context(), setOf(tupkg.Set{}, files))
				_ = push.Close()
				_ = client.Close()
				done()
			}
			var got tupkg.Result
			var err error
			if c.version == 1 {
				got, err = w.v1(t, bfinch, tupkg.Document, files...)
			} else {
				got, err = w.v2(t, bfinch, tupkg.Set{}, files...)
			}
			mustPass(t, got, err)
			mustShelves(t, w.disk)
			if (r.calls > 0) != c.again || c.cut != (got.Skipped > 100_000) || len(w.looking) != c.taken {
				t.Errorf("%d reads, %d bytes skipped, %d places taken", r.calls, got.Skipped, len(w.looking))
			}
		})
	}
}

// TestSeenSaysTheSame: what is refused is refused with the same words, whether it was
// looked into while it came or for the verdict.
func TestSeenSaysTheSame(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(good []byte) []byte{
		"good":           func(b []byte) []byte { return b },
		"not an archive": func([]byte) []byte { return bytes.Repeat([]byte("no package "), 10_000) },
		"empty":          func([]byte) []byte { return nil },
		"cut short":      func(b []byte) []byte { return b[:len(b)-20] },
		"more behind":    func(b []byte) []byte { return append(bytes.Clone(b), "more"...) },
		"other name":     func([]byte) []byte { return mpktest.Package{Name: "bar"}.Bytes() },
		"traversal": func([]byte) []byte {
			return mpktest.Package{Name: "foo", Extra: []mpktest.Member{{Name: "../x", Body: "x"}}}.Bytes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []report.Report
			for _, from := range []int64{0, 1 << 30} {
				w := newWorld(t)
				w.lookFrom = from
				r, err := w.v2(t, bfinch, tupkg.Set{}, declaring(change)...)
				if err != nil {
					t.Fatal(err)
				}
				rep := r.Report
				rep.Kept, rep.Time = "", time.Time{}
				told = append(told, rep)
			}
			if !reflect.DeepEqual(told[0], told[1]) || (told[0].Result == report.Published) != (name == "good") {
				t.Errorf("looked into: %+v\nread later: %+v", told[0], told[1])
			}
		})
	}
}

// declaring are the files of an upload with a changed package, which the manifest declares
// as it is.
func declaring(change func(good []byte) []byte) []mpktest.File {
	files := mpktest.Upload{Name: "foo"}.Build().Files()
	last := &files[len(files)-1]
	for i, f := range files {
		if !strings.HasSuffix(f.Name, packageSuffix) {
			continue
		}
		files[i].Data = change(f.Data)
		last.Data = []byte(strings.NewReplacer(
			sumOf(string(f.Data)), sumOf(string(files[i].Data)),
			fmt.Sprintf("size: %d\n", len(f.Data)), fmt.Sprintf("size: %d\n", len(files[i].Data)),
		).Replace(string(last.Data)))
	}
	return files
}

// partialOf is where a file lies that bfinch is sending by version 2.
func (w *world) partialOf(f mpktest.File) string {
	return w.path("partial", bfinch, keyOf(tupkg.Declared{Size: int64(len(f.Data)), SHA256: sha256Of(f.Data)}))
}

// TestSeenIsThatFile: what was seen of a file is nothing to one that has been written to
// since, or that has come in its place.
func TestSeenIsThatFile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(at string) error{
		"nothing": func(string) error { return nil },
		"written": func(at string) error {
			f, err := os.OpenFile(at, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), 100)
			return err
		},
		"exchanged": func(at string) error {
			text, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			text[100]++
			if err := os.WriteFile(at+".new", text, 0o600); err != nil {
				return err
			}
			return os.Rename(at+".new", at)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, disk := onRealDisk(t)
			files := mpktest.Upload{Name: "foo"}.Build().Files()
			at := ""
			for _, f := range files {
				if strings.HasSuffix(f.Name, packageSuffix) {
					at = w.partialOf(f)
				}
			}
			// The manifest comes last.
			last := w.partialOf(files[len(files)-1])
			w.start(t, onDisk(vfs.Observe(disk, func(op vfs.Op) error {
				if op.Kind != "append" || op.Name != last {
					return nil
				}
				return change(filepath.Join(disk.Path(), at))
			})))
			r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
			if err != nil || r.Pass() != (name == "nothing") {
				t.Fatalf("%+v %v", r, err)
			}
			if name != "nothing" && !strings.Contains(fmt.Sprint(r.Report.Findings), string(report.CodeHash)) {
				t.Errorf("%v", r.Report.Findings)
			}
		})
	}
}
