package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// toIncoming takes NAME-ANYTHING.pkg, and finds fault with "faulty".
func toIncoming(o *Options) {
	o.Incoming = &Incoming{
		FS: o.State, Dir: o.Dir + "/incoming",
		Takes: func(name string) (source, arch string, ok bool) {
			source, _, _ = strings.Cut(name, "-")
			return source, "x86_64", strings.HasSuffix(name, ".pkg")
		},
		Check: func(_ context.Context, fsys vfs.FS, at, _ string) ([]report.Finding, error) {
			text, err := vfs.ReadFile(fsys, at, 1<<20)
			if strings.Contains(string(text), "faulty") {
				return []report.Finding{{Code: report.CodePackage, Severity: report.SeverityError, Message: "it is faulty"}}, err
			}
			return nil, err
		},
	}
}

func pkg(name, text string) mpktest.File { return mpktest.File{Name: name, Data: []byte(text)} }

// came are the files of the incoming folder with their texts.
func (w *world) came(t testing.TB) string {
	t.Helper()
	var list []string
	for _, name := range w.files(t, "incoming") {
		text, err := vfs.ReadFile(w.disk, w.path("incoming", name), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, name+"="+string(text))
	}
	return strings.Join(list, " ")
}

// TestIncoming: packages that need no manifest go to the user's folder, each version of
// the protocol, once; other bytes of the name only when asked for.
func TestIncoming(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming)
	for i, version := range []int{1, 2, 1, 2} {
		var r tupkg.Result
		var err error
		name := fmt.Sprintf("foo-%d.pkg", i%2)
		files := []mpktest.File{pkg(name, "foo"), pkg("other.txt", "text")}
		if version == 1 {
			r, err = w.v1(t, bfinch, tupkg.Document, files...)
		} else {
			r, err = w.v2(t, bfinch, tupkg.Set{}, files...)
			if r.Report.Result != report.Accepted {
				t.Errorf("%+v", r.Report)
			}
		}
		mustPass(t, r, err)
		if i > 1 && r.Sent > 0 {
			t.Errorf("version %d: %d bytes were sent again", version, r.Sent)
		}
	}
	if got, want := w.came(t), bfinch+"/foo-0.pkg=foo "+bfinch+"/foo-1.pkg=foo"; got != want {
		t.Errorf("came %q, want %q", got, want)
	}
	if got := w.files(t, "area"); len(got) != 1 || !strings.HasSuffix(got[0], "other.txt") {
		t.Errorf("area %q", got)
	}
	r, err := w.v1(t, "other", tupkg.HistoricalCode, pkg("foo-0.pkg", "others"))
	mustPass(t, r, err)
	r, err = w.v1(t, bfinch, tupkg.HistoricalCode, pkg("foo-0.pkg", "changed"))
	if err != nil || r.Pass() || !strings.Contains(r.Reason, "not taken from there yet") {
		t.Errorf("%+v %v", r, err)
	}
	r, err = w.v2(t, bfinch, tupkg.Set{}, pkg("foo-0.pkg", "changed"))
	if err != nil || r.Report.Result != report.Rejected || !hasCode(r.Report, report.CodeConflict) || r.Report.Kept == "" {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.files(t, "refused/"+bfinch+"/"+r.Report.Kept); !slices.Equal(got, []string{"report.json"}) {
		t.Errorf("kept %q", got)
	}
	r, err = w.v2(t, bfinch, tupkg.Set{Wishes: tupkg.Wishes{Rebuild: true}}, pkg("foo-0.pkg", "changed"))
	mustPass(t, r, err)
	if r.Sent > 0 {
		t.Errorf("%d bytes were sent again", r.Sent)
	}
	if got, want := w.came(t), bfinch+"/foo-0.pkg=changed "+bfinch+"/foo-1.pkg=foo other/foo-0.pkg=others"; got != want {
		t.Errorf("came %q, want %q", got, want)
	}
}

// TestIncomingFault: version 2 refuses a package with a fault; in version 1 the MD5 is
// what counts, and the log has the rest.
func TestIncomingFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming)
	r, err := w.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", "faulty"), pkg("foo-2.pkg", "good"))
	if err != nil || r.Report.Result != report.Rejected || r.Files[0].Pass || !r.Files[1].Pass || r.Report.Kept == "" {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.came(t); got != bfinch+"/foo-2.pkg=good" {
		t.Errorf("came %q", got)
	}
	r, err = w.v1(t, bfinch, tupkg.Document, pkg("foo-1.pkg", "faulty"))
	mustPass(t, r, err)
	if got := w.came(t); !strings.Contains(got, "foo-1.pkg") || !strings.Contains(w.log.String(), "it is faulty") {
		t.Errorf("came %q", got)
	}
}

// TestIncomingRights: the right over the source that a file's name tells is asked for.
func TestIncomingRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming)
	r, err := w.v2(t, "librarian", tupkg.Set{}, pkg("libfoo-1.pkg", "lib"))
	mustPass(t, r, err)
	for _, dry := range []bool{true, false} {
		if _, err := w.v2(t, "librarian", tupkg.Set{DryRun: dry}, pkg("libfoo-2.pkg", "lib"), pkg("foo-1.pkg", "foo")); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "may not publish the source foo on x86_64") {
			t.Errorf("%v", err)
		}
	}
	if _, err := w.v1(t, "librarian", tupkg.Document, pkg("foo-1.pkg", "foo")); !errors.Is(err, tupkg.ErrRefused) {
		t.Errorf("%v", err)
	}
	if got := w.came(t); got != "librarian/libfoo-1.pkg=lib" {
		t.Errorf("came %q", got)
	}
}

// TestIncomingQuota: what is not taken counts.
func TestIncomingQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming, func(o *Options) { o.Limits.UserBytes = 1000 })
	r, err := w.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", strings.Repeat("x", 800)))
	mustPass(t, r, err)
	if _, err := w.v2(t, bfinch, tupkg.Set{}, pkg("foo-2.pkg", strings.Repeat("y", 800))); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "quota") {
		t.Errorf("%v", err)
	}
}

// TestIncomingIsDurable: what was told to be accepted survives a power loss at once.
func TestIncomingIsDurable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming)
	for _, name := range []string{"foo-1.pkg", "foo-2.pkg"} {
		r, err := w.v2(t, bfinch, tupkg.Set{}, pkg(name, name))
		mustPass(t, r, err)
		after := &world{Server: w.Server, disk: w.disk.PowerLoss(func(int) vfs.Fate { return vfs.Lost })}
		if got := after.came(t); !strings.Contains(got, name+"="+name) {
			t.Errorf("after a power loss: %q", got)
		}
	}
}

// TestIncomingKilled: killed ahead of each call that writes, or with a disk that fails
// from there on, nothing of another's bytes or of half a file is ever in the folder, and
// the next attempt brings it there.
func TestIncomingKilled(t *testing.T) {
	t.Parallel()
	start := newDisk(t, arch)
	for k := 0; ; k++ {
		disk := start.Clone()
		var mu sync.Mutex
		left, dead := k, false
		seen := vfs.Observe(disk, func(op vfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if op.Writes() {
				left--
			}
			if dead = dead || left < 0; dead {
				return syscall.EIO
			}
			return nil
		})
		w := &world{disk: disk, users: sharedUsers()}
		var r tupkg.Result
		err := errors.New("no server")
		o := w.options(func(o *Options) { o.State = seen }, toIncoming)
		if s, nerr := New(o); nerr == nil {
			w.Server = s
			s.lastWord = 1
			r, err = w.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", "foo"))
		}
		told := err == nil && r.Pass()
		for how, after := range map[string]*vfs.Mem{"killed": disk.Clone(), "power loss": disk.PowerLoss(func(int) vfs.Fate { return vfs.Lost })} {
			again := worldOn(t, after, sharedUsers(), toIncoming)
			for _, f := range again.files(t, "incoming") {
				name := f[strings.LastIndex(f, "/")+1:]
				if text, err := vfs.ReadFile(after, again.path("incoming", f), 1<<20); err != nil || !strings.HasPrefix(name, ".") && string(text) != "foo" {
					t.Errorf("call %d, %s: %s has %q %v", k, how, f, text, err)
				}
			}
			if told && !strings.Contains(again.came(t), "/foo-1.pkg=foo") {
				t.Errorf("call %d, %s: it was told to be there", k, how)
			}
			r, err := again.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", "foo"))
			mustPass(t, r, err)
			if !strings.Contains(again.came(t), "/foo-1.pkg=foo") {
				t.Errorf("call %d, %s: %s", k, how, again.came(t))
			}
			lost := &world{Server: again.Server, disk: after.PowerLoss(func(int) vfs.Fate { return vfs.Lost })}
			if !strings.Contains(lost.came(t), "/foo-1.pkg=foo") {
				t.Errorf("call %d, %s: lost by a power loss after the second attempt", k, how)
			}
			_ = again.Close()
		}
		mu.Lock()
		over := !dead
		mu.Unlock()
		if over {
			if k < 20 {
				t.Errorf("only %d calls", k)
			}
			return
		}
	}
}

// TestIncomingDisguised: a package of a source that the user has no right over does not
// get in under another name, in version 1 either.
func TestIncomingDisguised(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming, func(o *Options) {
		o.Incoming.Check = func(_ context.Context, fsys vfs.FS, at, name string) ([]report.Finding, error) {
			text, err := vfs.ReadFile(fsys, at, 1<<20)
			if real, ok := strings.CutPrefix(string(text), "really "); ok && real != name {
				return []report.Finding{{Code: report.CodeMismatch, Severity: report.SeverityError, Message: "another name", Expected: real, Actual: name}}, err
			}
			return nil, err
		}
	})
	r, err := w.v1(t, "librarian", tupkg.Document, pkg("libfoo-1.pkg", "really glibc-1.pkg"))
	if err != nil || r.Pass() {
		t.Errorf("%+v %v", r, err)
	}
	r, err = w.v1(t, "librarian", tupkg.Document, pkg("libfoo-2.pkg", "really libbar-2.pkg"))
	mustPass(t, r, err)
	r, err = w.v1(t, bfinch, tupkg.Document, pkg("libfoo-1.pkg", "really glibc-1.pkg"))
	mustPass(t, r, err)
	if got, want := w.came(t), bfinch+"/libfoo-1.pkg=really glibc-1.pkg librarian/libfoo-2.pkg=really libbar-2.pkg"; got != want {
		t.Errorf("came %q, want %q", got, want)
	}
}

// TestIncomingSweep: what a killed process was writing goes; what is whole stays, and what
// is not ours.
func TestIncomingSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, toIncoming)
	r, err := w.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", "foo"))
	mustPass(t, r, err)
	half := copyName(sha256Of(nil), newID())
	for _, name := range []string{half, ".htaccess", ".1.2", half + "x"} {
		if err := vfs.CreateSynced(w.disk, w.path("incoming", bfinch, name), 0o600, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.skip = 8 * 24 * 3600 * 1e9
	want := strings.Join(sorted([]string{bfinch + "/foo-1.pkg=foo", bfinch + "/.htaccess=", bfinch + "/.1.2=", bfinch + "/" + half + "x="}), " ")
	if err := w.Sweep(t.Context()); err != nil && !errors.Is(err, fs.ErrNotExist) || w.came(t) != want {
		t.Errorf("%v %q", err, w.came(t))
	}
}

// TestComplete: who wants to know hears of each accepted upload, when it is there; a
// failure is a warning.
func TestComplete(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var heard []string
	var w *world
	w = newWorld(t, toIncoming, func(o *Options) {
		o.Complete = func(_ context.Context, c Completion) error {
			mu.Lock()
			defer mu.Unlock()
			if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"user":"bfinch@example.net"`) {
				t.Errorf("%s %v", text, err)
			}
			what := string(c.Result)
			for _, f := range c.Incoming {
				if _, err := w.disk.Lstat(w.path("incoming", c.User, f.Path)); err != nil {
					t.Error(err)
				}
				what += " " + f.Path
			}
			if c.Report != nil {
				what += " " + c.Report.Manifest
			}
			heard = append(heard, what)
			return errors.New("exit status 3")
		}
	})
	foo := built("foo", "1.0")
	for range 2 {
		r, err := w.v2(t, bfinch, tupkg.Set{}, foo...)
		mustPass(t, r, err)
		if !hasCode(r.Report, report.CodeComplete) {
			t.Errorf("%+v", r.Report)
		}
	}
	r, err := w.v2(t, bfinch, tupkg.Set{}, pkg("foo-1.pkg", "foo"), pkg("foo-2.pkg", "foo2"))
	mustPass(t, r, err)
	r, err = w.v1(t, bfinch, tupkg.Document, pkg("text", "text"))
	mustPass(t, r, err)
	if _, err := w.v2(t, bfinch, tupkg.Set{}, genuine(t, "uploads-bad/wrong-size")...); err != nil {
		t.Error(err)
	}
	manifest := foo[slices.IndexFunc(foo, func(f mpktest.File) bool { return isManifest(f.Name) })].Name
	if want := []string{"published " + manifest, "unchanged " + manifest, "accepted foo-1.pkg foo-2.pkg"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}
