package action_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
)

// TestAct has nektos/act run the action as a runner does: real steps in real shells, on
// this machine, with no container and nothing from the network.
func TestAct(t *testing.T) {
	t.Parallel()
	programtest.Need(t, "act")
	w := newWorld(t)
	v1 := map[string]string{"mmpush/mmpush@v1": w.checkout}
	address, reached := w.silent()
	w.env["SILENT"] = "ssh://me@" + address + "/srv/repo"
	// The fork is shown what the push has published.
	t.Run("push", func(t *testing.T) { w.in(t).pushed(v1) })
	t.Run("others", func(t *testing.T) {
		t.Run("fork", func(t *testing.T) { t.Parallel(); w.in(t).forked(v1) })
		t.Run("source", func(t *testing.T) { t.Parallel(); w.in(t).built() })
		t.Run("cancel", func(t *testing.T) { t.Parallel(); w.in(t).cancelled(v1, reached) })
	})
	if exists(filepath.Join(w.dir, "pwned")) || exists(filepath.Join(w.workspace, "pwned")) || exists("pwned") {
		t.Error("a text was run as a program")
	}
	for _, file := range w.files(w.reports) {
		if text := w.read(file); w.hasSecret(text) {
			t.Errorf("a secret is in the outputs: %s: %s", file, text)
		}
	}
}

// expected is what one step has to come to.
type expected struct {
	exit   int
	result string
	// outputs, annotations, summary and log are texts that have to be there, in this order
	// in each; no annotations means: none.
	outputs                   map[string]string
	annotations, summary, log []string
}

// pushed looks at what the workflow push.yml came to.
func (w *world) pushed(local map[string]string) {
	got := w.run("push", "push.yml", local)
	foo := `"name":"libfoo1","version":"1.0.0","architecture":"amd64-debian","action":"added"`
	for step, want := range map[string]expected{
		"folder/planned":   {result: "planned", summary: []string{"## mmpush: planned foo 1.0.0\n", "would be added"}, log: []string{"would publish foo 1.0.0"}},
		"folder/published": {result: "published", outputs: map[string]string{"generation": "2", "published": foo}, summary: []string{"## mmpush: published (2 uploads)\n"}, log: []string{"published foo 1.0.0 as generation 1", "published weather-data"}},
		"folder/unchanged": {result: "unchanged", outputs: map[string]string{"generation": "", "published": "[]"}, log: []string{"published already"}},
		"folder/rejected": {
			exit: 3, result: "rejected", summary: []string{"## mmpush: rejected\n", "<details open>"}, log: []string{"mmpush: rejected: 2 problems in out/wrong-size/colon_1.0_amd64-debian.mmpack-manifest"},
			annotations: []string{
				"::error file=out/wrong-size/colon_1.0_amd64-debian.mmpack-manifest,line=3,title=mmpush [MP-SIZE]::the file colon_1.0_src.tar.xz has another size than declared%0A",
				"::error file=out/wrong-size/colon_1.0_amd64-debian.mmpack-manifest,line=10,",
			},
		},
		"folder/unmatched": {exit: 2, result: "error", summary: []string{"## mmpush: error\n", "nothing matches"}, annotations: []string{
			"::error title=mmpush [MP-USAGE]::nothing matches out/*.mmpack-manifest; looked in out: 01-foo-1.0.0/, 02-",
		}},
		"folder/nothing":  {result: "unchanged", summary: []string{"nothing to publish"}},
		"folder/nested":   {result: "published", summary: []string{"1.0.0 → 1.1.0"}},
		"folder/conflict": {exit: 4, result: "rejected", summary: []string{"refused"}, annotations: []string{"07-foo-1.1.0-rebuild/foo_1.1.0_amd64-debian.mmpack-manifest,line=", "[MP-CONFLICT]"}},
		"folder/rebuilt":  {result: "published", outputs: map[string]string{"generation": "4"}, annotations: []string{"::warning "}, summary: []string{"rebuilt"}},
		"folder/packages": {result: "published", outputs: map[string]string{"generation": "1", "published": `"name":"alpha","version":"1.1-1","architecture":"any","action":"added"`}, summary: []string{
			"## mmpush: published, generation 1\n", "| alpha | any | 1.1-1 | added |", "| gamma | x86&#95;64 | 0.9rc1-3 | added |",
		}},
		"folder/older": {
			exit: 3, result: "rejected", summary: []string{"## mmpush: rejected\n", "out/pacman-old/alpha-1.0-1-any.pkg.tar.zst"},
			annotations: []string{"::error file=out/pacman-old/alpha-1.0-1-any.pkg.tar.zst,title=mmpush [MP-DOWNGRADE]::"},
		},

		"server/wrong":     {exit: 5, result: "error", annotations: []string{"[MP-LOGIN]"}, summary: []string{"the server refused the login"}},
		"server/empty":     {result: "verified", annotations: []string{"::warning title=mmpush::nothing is published: ", "there is no password for me"}, summary: []string{"## mmpush: verified foo 1.0.0\n"}},
		"server/published": {result: "published", outputs: map[string]string{"generation": "1", "published": foo, "index-sha256": ""}},

		"ssh/wrong":     {exit: 5, result: "error", annotations: []string{"[MP-LOGIN]::", "Permission denied"}},
		"ssh/unknown":   {exit: 5, result: "error", annotations: []string{"[MP-LOGIN]::", "Host key verification failed"}},
		"ssh/published": {result: "published", outputs: map[string]string{"generation": "1", "published": foo}},

		"hostile/rejected": {exit: 3, result: "rejected", annotations: []string{"%0A%3A%3Aset-output name=result%3A%3Apwned/%3A%3Aerror%3A%3Ay.mmpack-manifest,line=1,"}, log: []string{"found     ::set-output name=result::pwned"}},
		"hostile/input":    {exit: 2, result: "error", annotations: []string{"--rebuild: bool value must be true"}},
		"hostile/version":  {exit: 1, result: "error", annotations: []string{"::error title=mmpush::the input version is x %250A::set-output name=result::pwned $(touch pwned) `touch pwned`"}},

		"install/tampered": {result: "rejected", exit: 3, annotations: []string{"[MP-DOWNGRADE]"}, log: []string{"mmpush 1.2.3, downloaded"}},
		"install/lying":    {exit: 1, result: "error", annotations: []string{"of the release 6.6.6 has the SHA-256 ", "SHA256SUMS says"}},
		"install/unknown":  {exit: 1, result: "error", annotations: []string{"there is no release 4.0.4"}},
		"install/lacking":  {exit: 1, result: "error", annotations: []string{"there is no release 2.0.0 with a program for linux/"}},
	} {
		job, step, _ := strings.Cut(step, "/")
		w.check(got, job, step, want)
	}
	if at := filepath.Join(w.reports, "poisoned"); exists(at) {
		w.Errorf("what a build has put into PATH was run:\n%s", w.read(at))
	}
	if left := w.read(filepath.Join(w.reports, "ssh.left")); strings.Contains(left, "mmpush.") {
		w.Errorf("left of the steps:\n%s", left)
	}
	if sum := w.steps("folder")["published"].Outputs["index-sha256"]; !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(sum) {
		w.Errorf("index-sha256 is %q", sum)
	}
	if !strings.Contains(got.text("folder"), "as cached") {
		w.Error("nothing was cached")
	}
	if exists(filepath.Join(w.reports, "cached")) {
		w.Error("what somebody has put into the cache was run")
	}
}

// check compares a step with what it has to come to.
func (w *world) check(got ran, job, step string, want expected) {
	w.Helper()
	name := job + "/" + step
	r := w.steps(job)[step]
	if code := got.exit(job, step); code != want.exit {
		w.Errorf("%s: exit %d, want %d\n%s", name, code, want.exit, got.text(job, step))
	}
	if success := r.Outcome == "success"; success != (want.exit == 0) || r.Outputs["result"] != want.result {
		w.Errorf("%s: %s, result %q, want %q\n%s", name, r.Outcome, r.Outputs["result"], want.result, got.text(job, step))
	}
	for key, value := range want.outputs {
		if actual, ok := r.Outputs[key]; !ok || value == "" && actual != "" || !strings.Contains(actual, value) {
			w.Errorf("%s: output %s is %q, want %q", name, key, actual, value)
		}
	}
	annotations := got.commands(job, step, "error") + got.commands(job, step, "warning") + got.commands(job, step, "notice")
	if len(want.annotations) == 0 && annotations != "" {
		w.Errorf("%s: annotations:\n%s", name, annotations)
	}
	for where, c := range map[string]struct {
		text string
		want []string
	}{"annotations": {annotations, want.annotations}, "summary": {got.commands(job, step, "summary"), want.summary}, "log": {got.text(job, step), want.log}} {
		rest := c.text
		for _, text := range c.want {
			_, after, ok := strings.Cut(rest, text)
			if !ok {
				w.Errorf("%s: no %q in the %s:\n%s", name, text, where, c.text)
				break
			}
			rest = after
		}
	}
	if step == "unchanged" && got.commands(job, step, "summary") != "" {
		w.Errorf("%s: there is a summary, and nobody wants one", name)
	}
}

// forked runs a pull request from a fork: nothing is published, nobody logs in.
func (w *world) forked(local map[string]string) {
	event := filepath.Join(w.dir, "event.json")
	w.write(event, `{"pull_request": {"number": 1, "head": {"ref": "x", "repo": {"full_name": "stranger/mmpush"}}, "base": {"ref": "main"}}, "repository": {"full_name": "mmpush/mmpush"}}`)
	got := w.run("pull_request", "fork.yml", local, "-e", event)
	fork := "::notice title=mmpush::a change from the fork stranger/mmpush is not published\n"
	for step, want := range map[string]expected{
		"folder":   {result: "planned", annotations: []string{fork}, summary: []string{"## mmpush: planned foo 1.0.0\n", "**notice:** a change from the fork", "would be added"}},
		"server":   {result: "verified", annotations: []string{fork}, summary: []string{"## mmpush: verified foo 1.0.0\n"}},
		"public":   {result: "planned", annotations: []string{fork}, summary: []string{"## mmpush: planned foo 1.1.0\n", "would be rebuilt"}},
		"rejected": {exit: 3, result: "rejected", annotations: []string{"[MP-SIZE]", fork}},
	} {
		w.check(got, "fork", step, want)
	}
	if text := w.read(filepath.Join(w.env["FORKED"], "source-index")); text != "" {
		w.Errorf("published:\n%s", text)
	}
}

// built has the action build mmpush from its own files. In the ordinary run they are those
// of a program that runs the real one: to build that once more takes a minute.
func (w *world) built() {
	checkout := w.folder("sources")
	if os.Getenv("MMPUSH_LONG") == "" {
		w.copyAction(checkout, "source")
		w.write(filepath.Join(checkout, "go.mod"), "module x\n\ngo 1.26\n")
		w.write(filepath.Join(checkout, "cmd/mmpush/main.go"), fmt.Sprintf("package main\n\nimport (\n\t\"os\"\n\t\"syscall\"\n)\n\n"+
			"func main() { panic(syscall.Exec(%q, os.Args, os.Environ())) }\n", w.mmpush))
	} else {
		w.copySources(checkout, "testdata/")
	}
	got := w.run("push", "source.yml", map[string]string{"mmpush/mmpush@main": checkout})
	w.check(got, "source", "published", expected{result: "published", log: []string{"mmpush is built from ", "published foo 1.0.0 as generation 1"}})
}

// cancelled cancels a job while ssh waits for its server: the key is nowhere afterwards.
func (w *world) cancelled(local map[string]string, reached <-chan struct{}) {
	cmd, log := w.act("push", "cancel.yml", local)
	stop := w.watchProcesses()
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	select {
	case <-reached:
	case <-time.After(time.Minute):
		w.Error("ssh is not started")
	}
	// While ssh runs, the key has a name in no folder: whoever kills the step leaves
	// nothing.
	temp := filepath.Join(w.dir, "home-cancel.yml/cache/act/*/tmp")
	if work, _ := filepath.Glob(temp + "/mmpush.*/mmpush"); len(work) != 1 {
		w.Errorf("the folder of the steps: %q\n%s", work, log.String())
	}
	w.holdsNoSecret(temp)
	if err := interrupt(cmd); err != nil {
		w.Fatal(err)
	}
	_ = cmd.Wait() // a job that was cancelled has failed
	stop()
	w.looked("cancel.yml", w.parse(log.String()))
	w.holdsNoSecret(temp)
}

// TestInputsAreDocumented: README.md says of each input and output what action.yml says.
func TestInputsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\nruns:\n")
	names := regexp.MustCompile(`(?m)^  ([a-z0-9-]+):$`).FindAllStringSubmatch(head, -1)
	if len(names) < 20 {
		t.Fatalf("%d inputs and outputs", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(readme), fmt.Sprintf("\n| `%s` | ", name[1])) {
			t.Errorf("README.md does not say what %s is", name[1])
		}
	}
	for row := range strings.Lines(string(readme)) {
		if m := regexp.MustCompile("^\\| `([a-z0-9-]+)` \\| ").FindStringSubmatch(row); m != nil &&
			!slices.ContainsFunc(names, func(n []string) bool { return n[1] == m[1] }) {
			t.Errorf("README.md speaks of %s, which there is not", m[1])
		}
	}
}
