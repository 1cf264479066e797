package server

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestSettingsVanish: no server for a repository whose settings are not those that the
// server's folder knows, and no publish when they go while it runs.
func TestSettingsVanish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(w *world) error
		want string
	}{
		"settings": {func(w *world) error { return w.disk.Remove(repo.SettingsFile) }, "has vanished"},
		"all":      {func(w *world) error { return vfs.RemoveAll(w.disk, repo.MetaDir) }, "nothing says what this repository asks"},
		"others": {func(w *world) error {
			return vfs.ReplaceFile(w.disk, repo.SettingsFile, repo.SettingsFile+".x", 0o600, []byte("id: another\nkind: mmpack\n"))
		}, "are those of the repository another"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := c.harm(w); err != nil {
				t.Fatal(err)
			}
			if name != "all" {
				if _, err := w.v2(t, bfinch, tupkg.Set{}, built("foo", "1.0")...); !errors.Is(err, tupkg.ErrRefused) {
					t.Errorf("while it runs: %v", err)
				}
			}
			_, err := New(w.Options)
			if report.CodeOf(err) != report.CodeSettings || report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if got := w.published(t); len(got) > 0 {
				t.Errorf("published %q", got)
			}
		})
	}
}

// TestAdopt: a repository that only other tools have written is served once somebody
// says that it is one, and from then on as any other.
func TestAdopt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := errors.Join(w.Close(), vfs.RemoveAll(w.disk, repo.MetaDir)); err != nil {
		t.Fatal(err)
	}
	for _, adopt := range []bool{true, false} {
		s := &world{disk: w.disk, users: w.users}
		s.start(t, func(o *Options) { o.Adopt = adopt })
		if r, err := pipeline.Open(w.disk, "/repo"); err != nil || !r.Adopted() {
			t.Errorf("adopted: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestGroup: in a group's repository everything of the server's is the group's, also
// what was there before.
func TestGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := w.stall(t, bfinch, big("big"))
	_ = told
	r, err := w.v2(t, bfinch, tupkg.Set{}, big("other"))
	mustPass(t, r, err)
	text, err := vfs.ReadFile(w.disk, repo.SettingsFile, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "shared: false", "shared: true", 1))
	if err := vfs.ReplaceFile(w.disk, repo.SettingsFile, repo.SettingsFile+".x", 0o600, text); err != nil {
		t.Fatal(err)
	}
	shared := w.beside(t)
	r, err = shared.v2(t, "other", tupkg.Set{}, append(genuine(t, "uploads-bad/wrong-size"), big("more"))...)
	if err != nil || r.Report.Result != report.Rejected {
		t.Errorf("%+v %v", r.Report, err)
	}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := w.disk.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			mode := e.Mode & (fs.ModePerm | fs.ModeSetgid)
			if e.Mode.IsDir() {
				walk(dir + "/" + e.Name)
			}
			if e.Mode.IsDir() && mode != 0o770|fs.ModeSetgid || !e.Mode.IsDir() && mode != 0o660 {
				t.Errorf("%s/%s: %s", dir, e.Name, e.Mode)
			}
		}
	}
	for _, dir := range []string{"partial", "area", "refused", "run", "live/" + shared.self} {
		walk(w.path(dir))
	}
}

// TestLeftByAKilledServer: a manifest that is complete, and whose server was killed ahead
// of judging it, runs when the next one starts; with the rights of then.
func TestLeftByAKilledServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leave := func(user, source string, but string) {
		for _, f := range built(source, "1.0") {
			if strings.HasSuffix(f.Name, but) {
				continue
			}
			dir := w.path("area", user)
			_ = w.makeFolder(dir)
			sum := sumOf(string(f.Data))
			if err := errors.Join(w.makeFolder(dir+"/"+sum), vfs.CreateSynced(w.disk, dir+"/"+sum+"/"+f.Name, 0o600, f.Data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	leave(bfinch, "foo", "nothing")
	leave("librarian", "bar", "nothing")
	leave("other", "waits", ".mpk")
	leave("gone", "baz", "nothing")
	w.runLeft(t.Context())
	if got := w.published(t); !slices.Equal(got, []string{"foo 1.0"}) {
		t.Errorf("published %q", got)
	}
	if got := w.files(t, "refused"); len(got) != 2 || !strings.HasPrefix(got[0], "librarian/") {
		t.Errorf("refused %q", got)
	}
	area := strings.Join(w.files(t, "area"), " ")
	if strings.Contains(area, bfinch) || !strings.Contains(area, "other/") || !strings.Contains(area, "gone/") {
		t.Errorf("area %s", area)
	}
}

// TestKept: a rejected upload is kept with its report under the id that the user is told,
// and expires.
func TestKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.v2(t, bfinch, tupkg.Set{}, genuine(t, "uploads-bad/wrong-size")...)
	if err != nil || r.Report.Kept == "" || !strings.Contains(r.Files[0].Reason, r.Report.Kept) {
		t.Fatalf("%+v %v", r, err)
	}
	v1, err := w.v1(t, "other", tupkg.Document, genuine(t, "uploads-bad/name-mismatch-bin")...)
	if err != nil || !strings.Contains(v1.Reason, "kept on the server as ") {
		t.Errorf("%+v %v", v1, err)
	}
	got := w.files(t, "refused/"+bfinch+"/"+r.Report.Kept)
	if len(got) != 2 || got[1] != "report.json" && got[0] != "report.json" {
		t.Errorf("kept %q", got)
	}
	text, err := vfs.ReadFile(w.disk, w.path("refused", bfinch, r.Report.Kept, "report.json"), 1<<20)
	if err != nil || !strings.Contains(string(text), r.Report.Findings[0].Message) {
		t.Errorf("%s %v", text, err)
	}
	w.skip = 8 * 24 * time.Hour
	if err := w.Sweep(t.Context()); err != nil || len(w.files(t, "refused")) > 0 {
		t.Errorf("%v: %q", err, w.files(t, "refused"))
	}
}

// TestShareLeavesThePublished: a file that a killed process has left with a published
// name, too, keeps the mode that its readers need.
func TestShareLeavesThePublished(t *testing.T) {
	t.Parallel()
	dir, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	err = errors.Join(dir.Mkdir("area", 0o700), vfs.CreateSynced(dir, "area/own", 0o600, nil), vfs.CreateSynced(dir, "public", 0o644, nil),
		dir.Link("public", "area/left"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Options: Options{State: dir}, fileMode: 0o660, folderMode: 0o770 | fs.ModeSetgid}
	if err := s.share("area"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"public": 0o644, "area/own": 0o660} {
		if info, err := dir.Lstat(name); err != nil || info.Mode.Perm() != want {
			t.Errorf("%s has the mode %s, %v", name, info.Mode, err)
		}
	}
}
