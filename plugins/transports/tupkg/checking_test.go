package tupkg_test

import (
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// damage changes one byte of the only package of an upload, near its end.
func damage(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.mpk"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q %v", names, err)
	}
	f, err := os.OpenFile(names[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{0}
	if _, err := f.ReadAt(b, info.Size()-1000); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, info.Size()-1000); err != nil {
		t.Fatal(err)
	}
}

// index is what is published.
func (w *world) index(t *testing.T) string {
	t.Helper()
	text, err := vfs.ReadFile(w.disk, "source-index", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// late is a folder whose packages cannot be read from the start, as the verifying does, before
// the channel is closed.
type late struct {
	vfs.FS
	until <-chan struct{}
}

type lateFile struct {
	vfs.File
	until <-chan struct{}
}

func (l late) Open(name string) (vfs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || filepath.Ext(name) != ".mpk" {
		return f, err
	}
	return lateFile{f, l.until}, nil
}

func (l lateFile) Read(p []byte) (int, error) {
	<-l.until
	return l.File.Read(p)
}

// TestLargeRefused: a large upload is verified while it is sent; when it is refused, the
// user is told what a dry run tells, and nothing is published, although the server may
// hold all of its files since before.
func TestLargeRefused(t *testing.T) {
	t.Parallel()
	for _, held := range []bool{false, true} {
		w := newWorld(t)
		dir := t.TempDir()
		path, err := large().Write(dir)
		if err != nil {
			t.Fatal(err)
		}
		u := openAt(t, path)
		push := func(o transport.Options) report.Report {
			t.Helper()
			rep, err := tupkg.Resume(t.Context(), w.dialer(t), u, tupkg.Options{Options: o, Login: login(user), Target: "far", Patience: quickly()})
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		if rep := push(transport.Options{}); held && rep.Result != report.Published {
			t.Fatalf("%+v", rep)
		}
		if !held {
			w = newWorld(t)
		}
		before := w.index(t)
		damage(t, dir)
		// Nothing is verified before all but the manifest has been sent.
		allSent := make(chan struct{})
		var once sync.Once
		u.FS = late{u.FS, allSent}
		got := push(transport.Options{Sending: func(s transport.Sending) {
			if s.Stage == "" && s.Total-s.Done < 10_000 {
				once.Do(func() { close(allSent) })
			}
		}})
		want := push(transport.Options{DryRun: true})
		if got.Result != report.Rejected || len(got.Findings) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("held %v: %+v; the dry run says %+v", held, got, want)
		}
		if after := w.index(t); after != before {
			t.Errorf("held %v: %s was published", held, after)
		}
		area, err := w.disk.ReadDir(".mmpush/area/" + user)
		if err == nil && len(area) > 1 {
			t.Errorf("held %v: the server has %v", held, area)
		}
	}
}
