package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// world is folders with files in them; load reads them and an environment.
type world struct {
	t    *testing.T
	root string
}

func newWorld(t *testing.T, files map[string]string) world {
	t.Helper()
	w := world{t, t.TempDir()}
	for name, text := range files {
		at := filepath.Join(w.root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w world) load(vars map[string]string) (*Config, error) {
	return Load(Sources{
		Getenv: func(name string) string { return vars[name] }, Home: filepath.Join(w.root, "home"),
		Files: []File{
			{Project, filepath.Join(w.root, "project", ProjectFile)},
			{User, filepath.Join(w.root, "user", "config.yaml")},
			{System, filepath.Join(w.root, "etc", "config.yaml")},
		},
	})
}

func (w world) mustLoad(vars map[string]string) *Config {
	w.t.Helper()
	c, err := w.load(vars)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// TestPrecedence: of every two sources that set a key the stronger one holds, and says
// that it does.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	sources := []string{"MMPUSH_REPO", "project/.mmpush.yaml", "user/config.yaml", "etc/config.yaml"}
	for mask := range 1 << len(sources) {
		vars, files, want := map[string]string{}, map[string]string{}, ""
		for i, name := range sources {
			if mask&(1<<i) == 0 {
				continue
			}
			if want == "" {
				want = name
			}
			if i == 0 {
				vars[name] = "/by/" + name
			} else {
				files[name] = "# first line\nrepo: /by/" + name + "\n"
			}
		}
		v := newWorld(t, files).mustLoad(vars).Value("repo")
		switch {
		case want == "":
			if v.Text != "" || v.Origin.Level != Default {
				t.Errorf("nothing is set: %+v", v)
			}
		case v.Text != "/by/"+want:
			t.Errorf("%b: %+v, want that of %s", mask, v, want)
		case want == "MMPUSH_REPO" && v.Origin.String() != want, want != "MMPUSH_REPO" && !strings.HasSuffix(v.Origin.String(), want+":2"):
			t.Errorf("%b: the origin is %s", mask, v.Origin)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"project/.mmpush.yaml": "repo: out/repo\nsets: {all: {repositories: {amd64: a, arm64: /b}}}\n",
		"user/config.yaml":     "to: ~/repo\nusers: /etc/users\n",
	})
	c := w.mustLoad(map[string]string{"MMPUSH_PASSWORD_FILE": "pw"})
	for key, want := range map[string]string{
		"repo": filepath.Join(w.root, "project/out/repo"), "to": filepath.Join(w.root, "home/repo"),
		"users": "/etc/users", "password-file": "pw", "remote": "",
	} {
		if got := c.Value(key).Path(); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	s, ok := c.Set("all")
	if want := map[string]string{"amd64": filepath.Join(w.root, "project/a"), "arm64": "/b"}; !ok || !reflect.DeepEqual(s.Repositories, want) {
		t.Errorf("%+v", s)
	}
	if s.Deadline != 24*time.Hour || len(s.Expects) > 0 {
		t.Errorf("%+v", s)
	}
}

// TestTargets: what stands at a target is stronger than the general keys of all files,
// and weaker than the environment.
func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"project/.mmpush.yaml": "user: of-project\ntargets:\n    prod: {to: tupkgs://project, user: projects-own}\n",
		"user/config.yaml":     "user: of-user\npassword-file: /pw\ntargets:\n    prod: {to: tupkgs://user, password-file: /prod}\n    test: {to: tupkgs://test, user: tester, password-file: /test}\n    local: here\n",
	})
	c := w.mustLoad(nil)
	prod, _ := c.Target("prod")
	if prod.To.Text != "tupkgs://project" || prod.To.Origin.Level != Project {
		t.Errorf("%+v", prod)
	}
	if v := c.ValueFor(prod, "user"); v.Text != "projects-own" {
		t.Errorf("%+v", v)
	}
	// The user's password for their prod is not for the project's.
	if v := c.ValueFor(prod, "password-file"); v.Text != "/pw" {
		t.Errorf("%+v", v)
	}
	test, _ := c.Target("test")
	if v := c.ValueFor(test, "user"); v.Text != "tester" {
		t.Errorf("%+v", v)
	}
	if v := w.mustLoad(map[string]string{"MMPUSH_USER": "env"}).ValueFor(test, "user"); v.Text != "env" {
		t.Errorf("%+v", v)
	}
	if local, _ := c.Target("local"); local.To.Path() != filepath.Join(w.root, "user/here") {
		t.Errorf("%+v", local)
	}
	if _, ok := c.Target("nothing"); ok || len(c.Targets()) != 3 {
		t.Errorf("%+v", c.Targets())
	}
}

// TestWrong: everything that is wrong is told at once, with its file and line.
func TestWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"project/.mmpush.yaml": "ssh-command: evil\npassword-file: /etc/shadow\ntransports: [a=/b@sha256:c]\ntargets:\n    x: {to: /x, remote: evil}\n",
		"user/config.yaml":     "rpeo: /x\nlock-wait: -1s\ntargets:\n    a/b: /x\n    y: {user: me}\n    z: tupkgs://me:secret@host\npassword: secret\n",
		"etc/config.yaml":      "sets:\n    s: {}\n    t: {repositories: {a: /x}, expects: [a, b, a], deadline: 0s}\n    x: {repositories: {a: /x}}\n",
	})
	_, err := w.load(map[string]string{"MMPUSH_RETRY_FOR": "long"})
	if report.CodeOf(err) != report.CodeConfig || report.KindOf(err) != report.KindUsage {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(err.Error(), w.root+"/", "")
	want := `MMPUSH_RETRY_FOR: is "long"; expected a time such as 60s or 5m
project/.mmpush.yaml:1: ssh-command: must not stand in a project's file, which may be somebody else's: it belongs into your own configuration
project/.mmpush.yaml:2: password-file: must not stand in a project's file, which may be somebody else's: it belongs into your own configuration
project/.mmpush.yaml:3: transports: must not stand in a project's file, which may be somebody else's: it belongs into your own configuration
project/.mmpush.yaml:5: targets.x.remote: must not stand in a project's file, which may be somebody else's: it belongs into your own configuration
user/config.yaml:1: rpeo: there is no such key; is "repo" meant?
user/config.yaml:2: lock-wait: is "-1s"; expected a time such as 60s or 5m
user/config.yaml:4: targets.a/b: a name is a letter or digit, then letters, digits and . _ -, at most 64
user/config.yaml:5: targets.y: has no to: a folder or a URL
user/config.yaml:6: targets.z: a password must not stand in a target
user/config.yaml:7: password: no password stands in a configuration: put it into a file of its own, which only you can read, and name that as password-file
etc/config.yaml:2: sets.s: has no repositories: a mapping of architectures to folders
etc/config.yaml:3: sets.t.deadline: a deadline is more than nothing
etc/config.yaml:3: sets.t.expects: "b": no repository of the set is for it
etc/config.yaml:3: sets.t.expects: "a" stands twice
etc/config.yaml:4: the set "x": project/.mmpush.yaml:5 has a target of that name`
	if !sameLines(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if strings.Contains(got, "secret") {
		t.Error("a password is shown")
	}
}

func sameLines(a, b string) bool {
	count := map[string]int{}
	for _, l := range strings.Split(a, "\n") {
		count[l]++
	}
	for _, l := range strings.Split(b, "\n") {
		count[l]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestEveryOwnKey: no key of a project's file may name a program, a password or who may
// log in, and each of them may stand in one's own.
func TestEveryOwnKey(t *testing.T) {
	t.Parallel()
	for _, k := range Keys() {
		text := k.Name + ": " + k.Example + "\n"
		_, err := newWorld(t, map[string]string{"project/.mmpush.yaml": text}).load(nil)
		if (err != nil) != k.Own {
			t.Errorf("%s in a project's file: %v", k.Name, err)
		}
		c, err := newWorld(t, map[string]string{"user/config.yaml": text}).load(nil)
		if err != nil || c.Value(k.Name).Text == "" || c.Value(k.Name).Origin.Level != User {
			t.Errorf("%s in one's own file: %v", k.Name, err)
		}
	}
	for _, s := range Sections() {
		if _, err := newWorld(t, map[string]string{"user/config.yaml": s.Example}).load(nil); err != nil {
			t.Errorf("the example of %s: %v", s.Name, err)
		}
	}
}

// TestUnreadable: a file that is there and cannot be read is an error, not nothing.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"user/config.yaml/file": "", "etc/config.yaml": strings.Repeat("#", fileLimit+1)})
	_, err := w.load(nil)
	if err == nil || !strings.Contains(err.Error(), "user/config.yaml: ") || !strings.Contains(err.Error(), "larger than the limit") {
		t.Error(err)
	}
	w = newWorld(t, map[string]string{"elsewhere": "repo: /x\n", "project/x": "", "user/x": ""})
	for _, at := range []string{"project/.mmpush.yaml", "user/config.yaml"} {
		if err := os.Symlink(filepath.Join(w.root, "elsewhere"), filepath.Join(w.root, at)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.load(nil); err == nil || strings.Contains(err.Error(), "user/config.yaml") || !strings.Contains(err.Error(), ".mmpush.yaml") {
		t.Errorf("a link in a project is followed, or one's own is not: %v", err)
	}
}

// TestFindProject: the file of the work tree is found from below; what stands above
// the work tree, or above a folder that is in none, is somebody else's.
func TestFindProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		ProjectFile: "", "tree/.git/x": "", "tree/" + ProjectFile: "", "tree/a/b/x": "", "tree/sub/" + ProjectFile: "", "tree/sub/c/x": "",
		"bare/.git": "", "bare/a/x": "", "loose/x": "",
	})
	for from, want := range map[string]string{
		"": ProjectFile, "tree": "tree/" + ProjectFile, "tree/a/b": "tree/" + ProjectFile, "tree/sub/c": "tree/sub/" + ProjectFile,
		"bare": "", "bare/a": "", "loose": "",
	} {
		if want != "" {
			want = filepath.Join(w.root, want)
		}
		if got := FindProject(filepath.Join(w.root, from)); got != want {
			t.Errorf("from %q: %q, want %q", from, got, want)
		}
	}
}
