//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/watch"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// newPacmanDrop starts a watcher that publishes in a pacman repository.
func newPacmanDrop(t *testing.T, flags ...string) *dropFolder {
	t.Helper()
	d := &dropFolder{T: t, at: t.TempDir(), repo: filepath.Join(t.TempDir(), "repo")}
	mustRun(t, "init", d.repo, "--kind", "pacman", "--name", "demo")
	d.start(flags...)
	return d
}

// has wants the repository to have these packages, and the drop folder to be empty.
func (d *dropFolder) has(files ...string) {
	d.Helper()
	until(d.T, "an empty folder", func() bool { return len(d.files()) == 0 })
	want := strings.Join(files, "\n")
	if want != "" {
		want += "\n"
	}
	if got := wholePacman(d.T, d.repo); got != want {
		d.Errorf("published is\n%swant\n%s", got, want)
	}
}

// TestPushPacmanDrop: what a pusher of pacman packages to a drop folder may rely on: all
// or nothing, byte for byte, again without harm, whatever the connection does, and the
// watcher's verdict.
func TestPushPacmanDrop(t *testing.T) {
	t.Parallel()
	d, far := newPacmanDrop(t), sshtest.Start(t, "")
	sh := shell{vars: map[string]string{"MMPUSH_SSH_COMMAND": ssh.QuoteAll(far.Words...)}}
	run := func(args ...string) outcome {
		return sh.run(append([]string{"push", "--json", "--to", far.URL("sftp", d.at)}, args...)...)
	}
	push := func(code int, result report.Result, args ...string) string {
		t.Helper()
		got := run(args...)
		if got.code != code || !strings.Contains(got.stdout, `"result": "`+string(result)+`"`) {
			t.Errorf("push %q exits %d, want %d and %s\n%s%s%s", args, got.code, code, result, got.stdout, got.stderr, d.process.stderr.String())
		}
		return got.stdout
	}
	const alpha, gamma, delta, zlibish = "alpha-1.1-1-any.pkg.tar.zst", "gamma-0.9rc1-3-x86_64.pkg.tar.zst", "delta-git-r12.gabc-1-any.pkg.tar.zst", "zlibish-1.2.3-1-any.pkg.tar.gz"

	if text := push(exitDone, report.Planned, "--dry-run", pacmanFile(alpha)); !strings.Contains(text, "1.1-1") {
		t.Error(text)
	}
	push(exitDone, report.Published, "--wait", pacmanFile(gamma), pacmanFile(alpha))
	d.has(alpha, gamma)
	for _, name := range []string{alpha, gamma, gamma + ".sig"} {
		if mustRead(t, filepath.Join(d.repo, name)) != mustRead(t, pacmanFile(name)) {
			t.Errorf("%s has other bytes", name)
		}
	}
	push(exitDone, report.Unchanged, "--wait", pacmanFile(alpha), pacmanFile(gamma))

	// Refused whole.
	if text := push(exitRejected, report.Rejected, "--wait", pacmanFile("alpha-1.0-1-any.pkg.tar.zst"), pacmanFile(zlibish)); !strings.Contains(text, "MP-DOWNGRADE") {
		t.Error(text)
	}
	d.has(alpha, gamma)
	refused, err := filepath.Glob(filepath.Join(d.at, watch.RejectedDir, "*", "*"))
	if err != nil || len(refused) != 5 {
		t.Errorf("refused are %q (%v), want two packages, their list and two reports", refused, err)
	}
	push(exitUsage, "error", "--allow-downgrade", pacmanFile("alpha-1.0-1-any.pkg.tar.zst"))
	if got := run(manifestOf(t, "uploads/03-greet-0.9.0")); got.code != exitUsage || !strings.Contains(got.stderr, "not manifests") {
		t.Errorf("a manifest: exit %d\n%s", got.code, got.stderr)
	}
	before := far.Received.Load()
	push(exitAccepted, report.Accepted, pacmanFile(zlibish))
	one := far.Received.Load() - before
	d.has(alpha, gamma, zlibish)

	// The connection is cut while more than that one package is sent, and the push goes on.
	for _, after := range []int64{one - 500, one} {
		far.CutAfter.Store(after)
		push(exitDone, report.Unchanged, "--wait", pacmanFile(alpha), pacmanFile(gamma))
		if far.CutAfter.Swap(0) != 0 {
			t.Errorf("nothing was cut after %d bytes", after)
		}
	}

	// Two bring the same: it is published once.
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if got := run("--wait", pacmanFile(delta)); got.code != exitDone {
				t.Errorf("one of two exits %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
	both.Wait()
	d.has(alpha, delta, gamma, zlibish)
	if n := strings.Count(mustRead(t, filepath.Join(d.repo, ".mmpush", "history")), "\n"); n != 3 {
		t.Errorf("%d generations, want 3", n)
	}
	d.stop(syscall.SIGTERM, exitDone)
	mustRun(t, "fsck", "-R", d.repo, "--deep")

	// Who watches for manifests takes no packages.
	other := newDropFolder(t, t.TempDir())
	if got := sh.run("push", pacmanFile(alpha), "--to", far.URL("sftp", other.at)); got.code != exitUsage || !strings.Contains(got.stderr, "takes manifests") {
		t.Errorf("packages for a watcher of manifests: exit %d\n%s", got.code, got.stderr)
	}
	other.stop(syscall.SIGTERM, exitDone)
}

// list writes a list of files as they are in dir, but for those whose bytes another is
// declared for, and returns its name.
func (d *dropFolder) list(name string, files map[string]string) string {
	d.Helper()
	var list []upload.File
	for file, text := range files {
		sum := sha256.Sum256([]byte(text))
		list = append(list, upload.File{Name: file, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	}
	_, text, err := watch.NewList(list)
	if err != nil {
		d.Fatal(err)
	}
	d.append(name+watch.ListSuffix, text)
	return name + watch.ListSuffix
}

// TestWatchPacman: packages are published when a list names them, as it names them.
func TestWatchPacman(t *testing.T) {
	t.Parallel()
	const alpha, gamma, zlibish = "alpha-1.1-1-any.pkg.tar.zst", "gamma-0.9rc1-3-x86_64.pkg.tar.zst", "zlibish-1.2.3-1-any.pkg.tar.gz"
	d := newPacmanDrop(t, "--settle=300ms")
	text := func(name string) string { return mustRead(t, pacmanFile(name)) }
	for _, name := range []string{alpha, gamma, gamma + ".sig", zlibish} {
		d.append(name, []byte(text(name)))
	}

	// Other bytes of the same size refuse all that the list names.
	lying := d.list("lying", map[string]string{alpha: text(alpha), zlibish: text(zlibish)[1:] + "x"})
	d.becomes(lying, report.Rejected)
	if v := d.verdict(lying); len(v.Findings) != 1 || v.Findings[0].Code != report.CodeHash || v.Findings[0].File != zlibish {
		t.Errorf("told %+v", v.Findings)
	}
	if got := wholePacman(t, d.repo); got != "" {
		t.Errorf("published is\n%s", got)
	}
	// What does not come is told, beside what is wrong with what has come.
	d.append("bad-1-1-any.pkg.tar.gz", []byte("no package"))
	lacking := d.list("lacking", map[string]string{"bad-1-1-any.pkg.tar.gz": "no package", "none-1-1-any.pkg.tar.gz": "x"})
	d.becomes(lacking, report.Rejected)
	if v := d.verdict(lacking); len(v.Findings) < 2 || v.Findings[0].Code != report.CodeMissing {
		t.Errorf("told %+v", v.Findings)
	}
	// A signature that is not listed is not published; nothing is touched that no list names.
	d.becomes(d.list("one", map[string]string{gamma: text(gamma)}), report.Published)
	until(t, "an end", d.idle)
	if left := d.files(); len(left) != 1 || left[0] != gamma+".sig" {
		t.Errorf("left are %q", left)
	}
	if exists(filepath.Join(d.repo, gamma+".sig")) {
		t.Error("a signature is published that nobody has listed")
	}
	// Copied without a list, it stays, and the log says why.
	d.append(alpha, []byte(text(alpha)))
	d.stop(syscall.SIGTERM, exitDone)
	time.Sleep(300 * time.Millisecond)
	d.start("--settle=300ms")
	d.stop(syscall.SIGTERM, exitDone)
	if log := d.process.stderr.String(); strings.Count(log, "file="+alpha) != 1 || !exists(filepath.Join(d.at, alpha)) {
		t.Errorf("the log says\n%s", log)
	}
	for _, flag := range []string{"--rebuild", "--verifier=x=/bin/true@sha256:" + strings.Repeat("0", 64)} {
		if got := (shell{}).run("watch", d.at, "-R", d.repo, flag); got.code != exitUsage {
			t.Errorf("%s: exit %d\n%s", flag, got.code, got.stderr)
		}
	}
}

// TestWatchPacmanKilled kills a real watcher ahead of one call after the other, while it
// publishes one list's packages and refuses another's; the next one finishes: published
// once, refused once, nothing lost.
func TestWatchPacmanKilled(t *testing.T) {
	t.Parallel()
	step := 40
	if long() {
		step = 1
	}
	kills := 0
	for at := 1; killPacmanWatch(t, at); at += step {
		kills++
	}
	if t.Logf("%d kills", kills); kills < 150/step {
		t.Errorf("only %d kills", kills)
	}
}

// killPacmanWatch kills one watcher; false if it came to its end before.
func killPacmanWatch(t *testing.T, at int) (killed bool) {
	t.Helper()
	const alpha, gamma, zlibish = "alpha-1.1-1-any.pkg.tar.zst", "gamma-0.9rc1-3-x86_64.pkg.tar.zst", "zlibish-1.2.3-1-any.pkg.tar.gz"
	d := &dropFolder{T: t, at: t.TempDir(), repo: filepath.Join(t.TempDir(), "repo")}
	mustRun(t, "init", d.repo, "--kind", "pacman", "--name", "demo")
	files := map[string]string{}
	for _, name := range []string{alpha, gamma, gamma + ".sig", zlibish} {
		files[name] = mustRead(t, pacmanFile(name))
		d.append(name, []byte(files[name]))
	}
	good := d.list("good", map[string]string{alpha: files[alpha], gamma: files[gamma], gamma + ".sig": files[gamma+".sig"]})
	bad := d.list("bad", map[string]string{zlibish: files[zlibish][1:] + "x"})
	for _, name := range d.files() {
		// As cp -p leaves it.
		if err := os.Chtimes(filepath.Join(d.at, name), time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	killed = d.killedAt(at)
	if got := wholePacman(t, d.repo); got != "" && got != alpha+"\n"+gamma+"\n" {
		t.Errorf("killed ahead of call %d, served is\n%s", at, got)
	}
	d.start("--settle=20ms")
	d.becomes(bad, report.Rejected)
	d.has(alpha, gamma)
	until(t, "an end", d.idle)
	d.stop(syscall.SIGTERM, exitDone)
	if v := d.verdict(good); v.Result != report.Published && v.Result != report.Unchanged {
		t.Errorf("killed ahead of call %d: told %+v", at, v)
	}
	if n := strings.Count(mustRead(t, filepath.Join(d.repo, ".mmpush", "history")), "\n"); n != 1 {
		t.Errorf("killed ahead of call %d: %d generations", at, n)
	}
	lost, err := filepath.Glob(filepath.Join(d.at, watch.RejectedDir, "*", zlibish))
	if err != nil || len(lost) != 1 || mustRead(t, lost[0]) != files[zlibish] {
		t.Errorf("killed ahead of call %d: refused %q (%v)", at, lost, err)
	}
	return killed
}

// TestWatchPacmanOvertaken kills a real watcher while it publishes a list of one package
// that is published already and one that is not, and publishes a newer version ahead of
// the next watcher: what had been published is told to be published.
func TestWatchPacmanOvertaken(t *testing.T) {
	t.Parallel()
	first, step := 241, 15
	if long() {
		first, step = 1, 1
	}
	const gamma = "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	template := filepath.Join(t.TempDir(), "repo")
	mustRun(t, "init", template, "--kind", "pacman", "--name", "demo")
	mustRun(t, "push", "--to", template, pacmanFile(gamma))
	told := 0
	for at, killed := first, true; killed; at += step {
		d := &dropFolder{T: t, at: t.TempDir(), repo: filepath.Join(t.TempDir(), "repo")}
		if err := os.CopyFS(d.repo, os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
		var was bool
		if was, killed = d.overtaken(at, "alpha-1.0-1-any.pkg.tar.zst", gamma); was && killed {
			told++
		}
	}
	if t.Logf("%d kills behind the commit", told); told == 0 {
		t.Error("no kill behind the commit")
	}
}

// overtaken kills a watcher that publishes a list of these packages, publishes a newer
// version of alpha, and lets another watcher come to its end; published is whether the
// first one had come so far.
func (d *dropFolder) overtaken(at int, packages ...string) (published, killed bool) {
	d.Helper()
	files := map[string]string{}
	for _, name := range packages {
		files[name] = mustRead(d.T, pacmanFile(name))
		d.append(name, []byte(files[name]))
	}
	list := d.list("list", files)
	for _, name := range d.files() {
		// As cp -p leaves it.
		if err := os.Chtimes(filepath.Join(d.at, name), time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
			d.Fatal(err)
		}
	}
	killed = d.killedAt(at)
	mustRun(d.T, "push", "--to", d.repo, pacmanFile("alpha-1.1-1-any.pkg.tar.zst"))
	d.start("--settle=20ms")
	until(d.T, "an end", func() bool { return d.idle() && len(d.files()) == 0 })
	d.stop(syscall.SIGTERM, exitDone)
	published = strings.Count(mustRead(d.T, filepath.Join(d.repo, ".mmpush", "history")), "\n") == 3
	want := report.Rejected
	if published {
		want = report.Published
	}
	if v := d.verdict(list); v.Result != want || published && v.Generation != 2 {
		d.Errorf("killed ahead of call %d: told %+v, want %s", at, v, want)
	}
	return published, killed
}
