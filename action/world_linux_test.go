package action_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
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

// releases serves the releases: 1.2.3 is one, 6.6.6 has other bytes than its sums say,
// 2.0.0 has no program for this machine.
func (w *world) releases() string {
	w.Helper()
	program := w.read(w.mmpush)
	name := func(version string) string { return "mmpush_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH }
	sums := func(version, text string) string {
		return fmt.Sprintf("%x  another_file\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256([]byte(text)), name(version))
	}
	files := map[string]string{
		"/v1.2.3/SHA256SUMS": sums("1.2.3", program), "/v1.2.3/" + name("1.2.3"): program,
		"/v6.6.6/SHA256SUMS": sums("6.6.6", program), "/v6.6.6/" + name("6.6.6"): "#!/bin/sh\ntouch " + w.dir + "/pwned\n",
		"/v2.0.0/SHA256SUMS": "",
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(text))
	}))
	w.Cleanup(s.Close)
	return s.URL
}

// repository makes an empty repository.
func (w *world) repository(name string) string {
	w.Helper()
	at := filepath.Join(w.dir, "repo-"+name)
	w.must(exec.Command(w.mmpush, "init", at, "--arch", "amd64-debian"))
	return at
}

// serve runs mmpush serve for the user me.
func (w *world) serve() {
	w.Helper()
	at, users := w.repository("server"), filepath.Join(w.dir, "users")
	add := exec.Command(w.mmpush, "user", "add", "me", "--users", users, "--rights", "*")
	add.Env = append(os.Environ(), "MMPUSH_PASSWORD="+rightPassword)
	w.must(add)
	var log lockedBuffer
	cmd := exec.Command(w.mmpush, "serve", "-R", at, "--users", users, "--listen", "127.0.0.1:0")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address := regexp.MustCompile(`msg=listening address=(\S+)`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			w.env["SERVER"] = "tupkg://me@" + m[1]
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("no server: %s", log.String())
		}
	}
}

// sshd runs a server that lets one key in, and poisons the path.
func (w *world) sshd() {
	w.Helper()
	s := sshtest.Start(w, "")
	w.env["SSH"], w.env["MMPUSH_REMOTE"] = s.URL("ssh", w.repository("ssh")), w.mmpush
	for variable, key := range map[string]string{"SSH_KEY": "client", "STRANGER": "stranger"} {
		text := w.read(strings.TrimSuffix(s.KeyFile(key), ".pub"))
		w.env[variable] = text
		// The last line is one that all keys have in common.
		w.secrets = append(w.secrets, strings.Split(text, "\n")[2])
	}
	for variable, key := range map[string]string{"OTHER_HOSTS": "other-host", "HOSTS": "host"} {
		s.Trust(w, key)
		w.env[variable] = s.KnownHosts(w)
	}
	w.env["POISON"] = w.folder("poison")
	for _, name := range []string{
		"mmpush", "ssh", "curl", "sha256sum", "shasum", "rm", "cp", "mv", "mkdir", "chmod", "mktemp", "cat", "od", "tr", "awk", "cut", "uname", "git", "go", "env", "sh",
	} {
		file := filepath.Join(w.env["POISON"], name)
		w.write(file, "#!/bin/bash\nprintf '%s\\n' \"$0 $*\" >> "+w.reports+"/poisoned\nexit 99\n")
		if err := os.Chmod(file, 0o755); err != nil {
			w.Fatal(err)
		}
	}
}

// serveFolder shows a repository as a web server does.
func (w *world) serveFolder(at string) string {
	s := httptest.NewServer(http.FileServer(http.Dir(at)))
	w.Cleanup(s.Close)
	return s.URL
}

// silent is the address of a server that takes connections and says nothing; reached is
// closed at the first.
func (w *world) silent() (address string, reached chan struct{}) {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = l.Close() })
	reached = make(chan struct{})
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.Cleanup(func() { _ = conn.Close() })
			if first {
				close(reached)
			}
		}
	}()
	return l.Addr().String(), reached
}

// ran is what act has told.
type ran struct {
	log   string
	lines []logLine
}

// logLine is one line of act's log.
type logLine struct {
	Message string   `json:"msg"`
	Job     string   `json:"jobID"`
	Steps   []string `json:"stepID"`
	Command string   `json:"command"`
	Raw     string   `json:"raw"`
	Content string   `json:"content"`
	Output  bool     `json:"raw_output"`
}

// act prepares a run of one workflow for an event. local are the folders that stand for
// actions of other repositories.
func (w *world) act(event, workflow string, local map[string]string, more ...string) (cmd *exec.Cmd, log *lockedBuffer) {
	w.Helper()
	var env strings.Builder
	for name, value := range w.env {
		fmt.Fprintf(&env, "%s=%s\n", name, quoteEnv(value))
	}
	file := filepath.Join(w.dir, workflow+".env")
	w.write(file, env.String())
	args := []string{
		event, "-W", ".github/workflows/" + workflow, "-P", "ubuntu-latest=-self-hosted", "--json", "--no-cache-server", "--env-file", file,
	}
	for action, folder := range local {
		args = append(args, "--local-repository", action+"="+folder)
	}
	log = &lockedBuffer{}
	cmd = exec.Command(programtest.Need(w, "act"), append(args, more...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.workspace, log, log
	home := filepath.Join(w.dir, "home-"+workflow)
	cmd.Env = []string{"PATH=" + filepath.Dir(programtest.Need(w, "go")) + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "LANG=C.UTF-8"}
	return cmd, log
}

// run runs a workflow to its end, and looks for secrets in the list of processes
// meanwhile.
func (w *world) run(event, workflow string, local map[string]string, more ...string) ran {
	w.Helper()
	cmd, log := w.act(event, workflow, local, more...)
	stop := w.watchProcesses()
	err := cmd.Run()
	stop()
	out := w.parse(log.String())
	w.looked(workflow, out)
	if err != nil {
		w.Errorf("act: %v\n%s", err, out.text(""))
	}
	return out
}

func (w *world) parse(log string) ran {
	w.Helper()
	r := ran{log: log}
	for line := range strings.Lines(log) {
		var l logLine
		if json.Unmarshal([]byte(line), &l) == nil {
			r.lines = append(r.lines, l)
		}
	}
	return r
}

// looked fails if a secret is in a log. act writes down what it is told to mask, which a
// runner does not.
func (w *world) looked(workflow string, r ran) {
	w.Helper()
	masked := 0
	for line := range strings.Lines(r.log) {
		var l logLine
		if json.Unmarshal([]byte(line), &l) == nil && l.Command == "add-mask" {
			masked++
		} else if w.hasSecret(line) {
			w.Errorf("a secret is in the log of %s: %s", workflow, line)
		}
	}
	if masked == 0 && len(w.secrets) > 0 && workflow != "source.yml" {
		w.Errorf("%s: nothing was masked", workflow)
	}
}

// text is what the log says about a job, and about one of its steps if that is named.
func (r ran) text(job string, steps ...string) string {
	var b strings.Builder
	for _, l := range r.lines {
		if (job == "" || l.Job == job) && (len(steps) == 0 || len(l.Steps) > 0 && l.Steps[0] == steps[0]) {
			b.WriteString(strings.TrimRight(l.Message, "\r\n") + "\n")
		}
	}
	return b.String()
}

// commands are the workflow commands of one kind that act has obeyed in a step; the
// summary counts as one.
func (r ran) commands(job, step, kind string) string {
	var b strings.Builder
	for _, l := range r.lines {
		if l.Job == job && len(l.Steps) > 0 && l.Steps[0] == step && l.Command == kind {
			b.WriteString(strings.TrimRight(l.Raw+l.Content, "\r\n") + "\n")
		}
	}
	return b.String()
}

// exit is the exit code of the step of the action that pushes, or that of its
// installation if it did not come to that; -1 if neither has run.
func (r ran) exit(job, step string) int {
	code, ended := -1, regexp.MustCompile(`^exit status (\d+)`)
	for _, l := range r.lines {
		if l.Job != job || len(l.Steps) < 2 || l.Steps[0] != step {
			continue
		}
		if m := ended.FindStringSubmatch(l.Message); m != nil {
			code, _ = strconv.Atoi(m[1])
			return code
		}
		code = 0
	}
	return code
}

// stepResult is one entry of the context "steps".
type stepResult struct {
	Outcome string            `json:"outcome"`
	Outputs map[string]string `json:"outputs"`
}

// steps are the results that a job has written down.
func (w *world) steps(job string) map[string]stepResult {
	w.Helper()
	var all map[string]stepResult
	if err := json.Unmarshal([]byte(w.read(filepath.Join(w.reports, job+".json"))), &all); err != nil {
		w.Fatal(err)
	}
	return all
}

// watchProcesses looks at the command lines of all processes until stop is called.
func (w *world) watchProcesses() (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, file := range lines {
				text, err := os.ReadFile(file)
				if err == nil && w.hasSecret(string(text)) {
					w.Errorf("a secret is in the list of processes: %q", text)
					return
				}
			}
		}
	}()
	return func() { close(end); <-done }
}

// hasSecret reports whether a text has a secret in it.
func (w *world) hasSecret(text string) bool {
	return slices.ContainsFunc(w.secrets, func(s string) bool { return strings.Contains(text, s) })
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

// quoteEnv writes a value for the file of act's environment.
func quoteEnv(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`).Replace(value) + `"`
}

// lockedBuffer is a bytes.Buffer that is read while a process writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// interrupt is Ctrl-C.
func interrupt(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGINT) }
