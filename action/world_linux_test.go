package action_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// world is everything that a workflow finds: its repository with what a build has left,
// releases of mmpush, and three ways to publish.
type world struct {
	*testing.T
	// dir is where everything is, workspace the repository that act runs in, checkout
	// the files of the action.
	dir, workspace, checkout string
	// mmpush is the program that is released as 1.2.3.
	mmpush string
	// env is what the workflows get as environment, reports where they write to.
	env     map[string]string
	reports string
	// secrets are in no log, no summary, no output and no list of processes.
	secrets []string
}

// The passwords of the user me, and what somebody takes for it.
const (
	rightPassword = "c0rrect.horse.battery"
	wrongPassword = "wr0ng.horse.battery"
)

// hostile is a text that means something to somebody on the way.
const hostile = "x %0A::set-output name=result::pwned $(touch pwned) `touch pwned` \"';touch pwned;'\" ##[set-output name=result]pwned"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), env: map[string]string{}}
	w.workspace, w.checkout, w.reports = w.folder("workspace"), w.folder("checkout"), w.folder("reports")
	w.mmpush = filepath.Join(w.dir, "mmpush")
	w.must(exec.Command("go", "build", "-buildvcs=false", "-o", w.mmpush, "../cmd/mmpush"))
	w.copyAction(w.checkout, "1.2.3")
	w.fillWorkspace()
	w.env["MMPUSH_RELEASES"] = w.releases()
	w.env["REPORTS"], w.env["PROGRAM"], w.env["HOSTILE"] = w.reports, w.mmpush, hostile
	w.env["RIGHT"], w.env["WRONG"] = rightPassword, wrongPassword
	w.secrets = []string{rightPassword, wrongPassword}
	for _, name := range []string{"FOLDER", "FORKED", "SOURCE"} {
		w.env[name] = w.repository(strings.ToLower(name))
	}
	w.env["PACMAN"] = filepath.Join(w.dir, "repo-pacman")
	w.must(exec.Command(w.mmpush, "init", w.env["PACMAN"], "--kind", "pacman", "--name", "demo"))
	w.env["PUBLIC"] = w.serveFolder(w.env["FOLDER"])
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		w.env[name] = strings.TrimSpace(w.must(exec.Command("go", "env", name)))
	}
	w.env["GOPROXY"] = "off"
	w.serve()
	w.sshd()
	return w
}

// in is the world for a test within the test.
func (w *world) in(t *testing.T) *world {
	other := *w
	other.T = t
	return &other
}

// copyAction makes a checkout of the action that belongs to a version.
func (w *world) copyAction(checkout, version string) {
	w.Helper()
	for name, file := range map[string]string{"action.yml": "../action.yml", "action/install.sh": "install.sh", "action/push.sh": "push.sh", "action/clean.sh": "clean.sh"} {
		w.copy(file, filepath.Join(checkout, name))
	}
	w.write(filepath.Join(checkout, "action/version"), version+"\n")
}

// fillWorkspace makes the repository: the workflows, and what a build has left.
func (w *world) fillWorkspace() {
	w.Helper()
	for _, upload := range []string{"uploads/01-foo-1.0.0", "uploads/02-weather-data-2024.01", "uploads/06-foo-1.1.0", "uploads/07-foo-1.1.0-rebuild", "uploads-bad/wrong-size"} {
		if err := os.CopyFS(filepath.Join(w.workspace, "out", filepath.Base(upload)), os.DirFS(filepath.Join("../testdata/mmpack", upload))); err != nil {
			w.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(w.workspace, ".github/workflows"), os.DirFS("testdata/workflows")); err != nil {
		w.Fatal(err)
	}
	w.copy("testdata/nested.yml", filepath.Join(w.workspace, ".github/actions/nested/action.yml"))
	for name, folder := range map[string]string{
		"alpha-1.1-1-any.pkg.tar.zst": "pacman", "gamma-0.9rc1-3-x86_64.pkg.tar.zst": "pacman", "gamma-0.9rc1-3-x86_64.pkg.tar.zst.sig": "pacman", "alpha-1.0-1-any.pkg.tar.zst": "pacman-old",
	} {
		w.copy(filepath.Join("../testdata/pacman/packages", name), filepath.Join(w.workspace, "out", folder, name))
	}
	evil := "name: \"::set-output name=result::pwned\"\nversion: \"1.0%0A::set-output name=result::pwned\\n::set-output name=result::pwned\"\n" +
		"source:\n  file: \"$(touch pwned)_src.tar.xz\"\n  sha256: '`touch pwned`'\n  size: \"##[set-output name=result]pwned\"\nbinpkgs: {}\n"
	w.write(filepath.Join(w.workspace, "hostile", strings.ReplaceAll(hostile, "/", ""), "x.mmpack-manifest"), evil)
	w.write(filepath.Join(w.workspace, "hostile", "a\n::set-output name=result::pwned", "::error::y.mmpack-manifest"), evil)
	w.commit(w.workspace, ".github")
}

// commit makes a repository of a folder, with one commit of some of its files.
func (w *world) commit(dir, files string) {
	w.Helper()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", files}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x"}} {
		w.must(exec.Command(programtest.Need(w, "git"), append([]string{"-C", dir}, args...)...))
	}
}

// copySources copies the project's files, but those with a word in their path that is not
// empty.
func (w *world) copySources(to, without string) {
	w.Helper()
	list := w.must(exec.Command(programtest.Need(w, "git"), "-C", "..", "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		if without == "" || !strings.Contains(name, without) {
			w.copy(filepath.Join("..", name), filepath.Join(to, name))
		}
	}
}

// repository makes an empty repository.
func (w *world) repository(name string) string {
	w.Helper()
	at := filepath.Join(w.dir, "repo-"+name)
	w.must(exec.Command(w.mmpush, "init", at, "--arch", "amd64-debian"))
	return at
}

// holdsNoSecret looks into all files of the folders that a pattern names.
func (w *world) holdsNoSecret(pattern string) {
	w.Helper()
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		w.Fatal(err)
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && w.hasSecret(w.read(name)) {
				w.Errorf("a secret is in the file %s", name)
			}
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) folder(name string) string {
	w.Helper()
	at := filepath.Join(w.dir, name)
	if err := os.MkdirAll(at, 0o755); err != nil {
		w.Fatal(err)
	}
	return at
}

// files are those in a folder.
func (w *world) files(dir string) []string {
	w.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *world) read(name string) string {
	w.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func (w *world) write(name, text string) {
	w.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

func (w *world) copy(from, to string) {
	w.Helper()
	w.write(to, w.read(from))
}

// must runs a command that has to succeed, and returns what it says.
func (w *world) must(cmd *exec.Cmd) string {
	w.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// exists reports whether there is such a file.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil || !os.IsNotExist(err)
}
