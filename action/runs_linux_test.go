package action_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
)

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
