package tupkg_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
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

// unread is a folder whose packages are read from the start, as the verifying does, no
// sooner than the channel is closed; until nil: not at all.
type unread struct {
	vfs.FS
	t     *testing.T
	until <-chan struct{}
}

type unreadFile struct {
	vfs.File
	unread
}

func (l unread) Open(name string) (vfs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || filepath.Ext(name) != ".mpk" {
		return f, err
	}
	return unreadFile{f, l}, nil
}

func (l unreadFile) Read(p []byte) (int, error) {
	if l.until == nil {
		l.t.Error("the package is verified here, too")
		return l.File.Read(p)
	}
	<-l.until
	return l.File.Read(p)
}

// TestLargeRefused: of a large upload that is refused, the user is told what a dry run
// tells, and nothing is published: whether the server has found it, or we have beside the
// sending, or the server holds all of its files since before.
func TestLargeRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		held  bool
		after time.Duration
	}{
		"by the server": {false, time.Hour}, "beside": {false, 1}, "held": {true, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			dir := t.TempDir()
			path, err := large().Write(dir)
			if err != nil {
				t.Fatal(err)
			}
			u := openAt(t, path)
			push := func(o transport.Options) report.Report {
				t.Helper()
				rep, err := tupkg.Resume(t.Context(), w.dialer(t), u, tupkg.Options{
					Options: o, Login: login(user), Target: "far", Patience: quickly(), VerifyAfter: c.after,
				})
				if err != nil {
					t.Fatal(err)
				}
				return rep
			}
			if c.held {
				if rep := push(transport.Options{}); rep.Result != report.Published {
					t.Fatalf("%+v", rep)
				}
			}
			before := w.index(t)
			damage(t, dir)
			// Nothing is verified before all but the manifest has been sent.
			allSent := make(chan struct{})
			var once sync.Once
			u.FS = unread{u.FS, t, allSent}
			got := push(transport.Options{Sending: func(s transport.Sending) {
				if s.Stage == "" && s.Total-s.Done < 10_000 {
					once.Do(func() { close(allSent) })
				}
			}})
			want := push(transport.Options{DryRun: true})
			if got.Result != report.Rejected || len(got.Findings) == 0 || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v; the dry run says %+v", got, want)
			}
			if after := w.index(t); after != before {
				t.Errorf("%s was published", after)
			}
			if _, err := w.disk.Lstat(".mmpush/area/" + user + "/" + u.Files[1].SHA256); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the server has kept what is not the package: %v", err)
			}
		})
	}
}

// TestLargeOnce: what is sent in no time is verified by the server alone.
func TestLargeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, err := large().Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	u := openAt(t, path)
	u.FS = unread{u.FS, t, nil}
	rep, err := tupkg.Resume(t.Context(), w.dialer(t), u, tupkg.Options{Login: login(user), Target: "far", Patience: quickly(), VerifyAfter: time.Hour})
	if err != nil || rep.Result != report.Published || len(rep.Findings) > 0 {
		t.Errorf("%+v %v", rep, err)
	}
}

// TestLargeStopped: a mistake that is found here stops the sending.
func TestLargeStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	path, err := mpktest.Upload{Packages: []mpktest.Package{{Name: "one", Payload: 8 << 20}, {Name: "two", Payload: 8 << 20}}}.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	u := openAt(t, path)
	if err := os.Remove(filepath.Join(dir, "one_1.0.0_amd64-debian.mpk")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "one_1.0.0_amd64-debian.mpk"), make([]byte, u.Files[1].Size), 0o644); err != nil {
		t.Fatal(err)
	}
	var sent int64
	found := false
	rep, err := tupkg.Resume(t.Context(), w.dialer(t), u, tupkg.Options{
		Options: transport.Options{Sending: func(s transport.Sending) {
			sent = max(sent, s.Done)
			if s.Stage == "" && s.Done > 1<<20 && !found {
				// The link is slow here, and the verifying has its time.
				found = true
				time.Sleep(300 * time.Millisecond)
			}
		}},
		Login: login(user), Target: "far", Patience: quickly(), VerifyAfter: 1,
	})
	if err != nil || rep.Result != report.Rejected || sent > 12<<20 {
		t.Errorf("%d bytes were sent: %+v %v", sent, rep, err)
	}
}
