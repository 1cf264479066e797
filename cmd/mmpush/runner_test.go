package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stepRun is a step of a workflow: its files, and the shell that runs in it.
type stepRun struct {
	shell
	output, summary string
}

func newJob(t *testing.T, vars map[string]string) stepRun {
	t.Helper()
	dir := t.TempDir()
	workspace, err := filepath.Abs(corpus)
	if err != nil {
		t.Fatal(err)
	}
	j := stepRun{output: filepath.Join(dir, "output"), summary: filepath.Join(dir, "summary")}
	j.vars = map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": j.output, "GITHUB_STEP_SUMMARY": j.summary, "GITHUB_WORKSPACE": workspace, "RUNNER_TEMP": dir,
		"GITHUB_EVENT_NAME": "push",
	}
	for name, value := range vars {
		j.vars[name] = value
	}
	return j
}

// fork makes it a job of a pull request from a fork.
func (j stepRun) fork(t *testing.T) stepRun {
	t.Helper()
	event := filepath.Join(t.TempDir(), "event.json")
	text := `{"pull_request": {"head": {"repo": {"full_name": "stranger/mmpush"}}}, "repository": {"full_name": "mmpush/mmpush"}}`
	if err := os.WriteFile(event, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j.vars["GITHUB_EVENT_NAME"], j.vars["GITHUB_EVENT_PATH"] = "pull_request", event
	return j
}

// wants is what a run has to come to; each text has to be in its place.
type wants struct {
	code                      int
	log, annotations, summary []string
	result                    string
}

func (j stepRun) wants(t *testing.T, w wants, args ...string) outcome {
	t.Helper()
	for _, file := range []string{j.output, j.summary} {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
	got := j.run(append([]string{"push", "--output=github"}, args...)...)
	if got.code != w.code || got.stderr != "" {
		t.Errorf("%q: exit %d, want %d\n%s%s", args, got.code, w.code, got.stdout, got.stderr)
	}
	stop := regexp.MustCompile(`(?s)^((?:::add-mask::[^\n]*\n)*)::stop-commands::([A-Z2-7]{26})\n(.*)::([A-Z2-7]{26})::\n(.*)$`).FindStringSubmatch(got.stdout)
	if stop == nil || stop[2] != stop[4] {
		t.Fatalf("%q: not stopped and resumed:\n%s", args, got.stdout)
	}
	for where, c := range map[string]struct {
		text string
		want []string
	}{
		"log": {stop[3], w.log}, "annotations": {stop[5], w.annotations}, "summary": {mustRead(t, j.summary), w.summary},
		"output": {regexp.MustCompile(`mmpush_[A-Z2-7]+`).ReplaceAllString(mustRead(t, j.output), "END"), []string{"result<<END\n" + w.result + "\nEND\n"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%q: no %q in the %s:\n%s", args, want, where, c.text)
			}
		}
		if where == "annotations" && len(c.want) == 0 && c.text != "" {
			t.Errorf("%q: annotations:\n%s", args, c.text)
		}
	}
	return got
}

// TestPushOnARunner: each end of a push is told by the exit code, in the log, beside the
// lines, in the summary and by the outputs.
func TestPushOnARunner(t *testing.T) {
	t.Parallel()
	j, at := newJob(t, nil), newRepo(t)
	foo, next, again := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/06-foo-1.1.0"), manifestOf(t, "uploads/07-foo-1.1.0-rebuild")
	j.wants(t, wants{
		result: "planned", log: []string{"would publish foo 1.0.0"}, summary: []string{"## mmpush: planned foo 1.0.0\n", "| would be added | `ed953477b456` |"},
	}, foo, "--to", at, "--dry-run")
	j.wants(t, wants{
		result: "published", log: []string{"published foo 1.0.0 as generation 1"},
		summary: []string{"## mmpush: published foo 1.0.0, generation 1\n", "| libfoo1 | amd64-debian | 1.0.0 | added | `ed953477b456` |\n"},
	}, foo, "--to", at)
	out := mustRead(t, j.output)
	for _, want := range []string{`"name":"libfoo1"`, `generation<<`, "\n1\n", sha256Of(t, filepath.Join(at, "binary-index.gz"))} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in the outputs:\n%s", want, out)
		}
	}
	kept := regexp.MustCompile(`/\S+/mmpush-result-\d+\.json`).FindString(out)
	if doc := mustRead(t, kept); !strings.Contains(doc, `"result": "published"`) {
		t.Errorf("%s: %s", kept, doc)
	}
	j.wants(t, wants{result: "unchanged", log: []string{"published already"}, summary: []string{"## mmpush: unchanged foo 1.0.0\n"}}, foo, "--to", at)
	j.wants(t, wants{
		code: exitRejected, result: "rejected", log: []string{"mmpush: rejected: 2 problems"},
		annotations: []string{
			"::error file=uploads-bad/wrong-size/colon_1.0_amd64-debian.mmpack-manifest,line=3,title=mmpush [MP-SIZE]::the file colon_1.0_src.tar.xz has another size than declared%0Aexpected: 12345%0Afound: 560%0A",
			"uploads-bad/wrong-size/colon_1.0_amd64-debian.mmpack-manifest,line=10,",
		},
		summary: []string{"## mmpush: rejected\n", "<details open><summary>uploads-bad/wrong-size/colon"},
	}, manifestOf(t, "uploads-bad/wrong-size"), "--to", at)
	j.wants(t, wants{result: "published", summary: []string{"| 1.0.0 → 1.1.0 | replaced |"}}, next, "--to", at)
	j.wants(t, wants{
		code: exitConflict, result: "rejected",
		// The manifest declares this file on this line.
		annotations: []string{"file=uploads/07-foo-1.1.0-rebuild/foo_1.1.0_amd64-debian.mmpack-manifest,line=", ",title=foo 1.1.0 [MP-CONFLICT]::foo_1.1.0_amd64-debian.mpk: foo 1.1.0 is published with other bytes"},
		summary:     []string{"| refused |"},
	}, again, "--to", at)
	j.wants(t, wants{
		code: exitUsage, result: "error", annotations: []string{"::error title=mmpush [MP-NOREPO]::"}, summary: []string{"## mmpush: error\n", "there is no such folder"},
	}, foo, "--to", at+"/nothing")
	j.wants(t, wants{code: exitUsage, result: "error", annotations: []string{"::error title=mmpush [MP-USAGE]::unknown flag"}, summary: []string{"unknown flag"}}, foo, "--rebiuld")
}

// TestAnnotatedLine: what is wrong with a package stands where the manifest declares it.
func TestAnnotatedLine(t *testing.T) {
	t.Parallel()
	m := manifestOf(t, "uploads/07-foo-1.1.0-rebuild")
	at := newRepo(t, "uploads/06-foo-1.1.0")
	got := newJob(t, nil).wants(t, wants{code: exitConflict, result: "rejected", annotations: []string{"MP-CONFLICT"}}, m, "--to", at)
	lines := strings.Split(mustRead(t, m), "\n")
	marks := regexp.MustCompile(`line=(\d+),title=[^:]*::([^:]+): `).FindAllStringSubmatch(got.stdout, -1)
	if len(marks) != 5 {
		t.Fatalf("%d annotations:\n%s", len(marks), got.stdout)
	}
	for _, mark := range marks {
		var n int
		if _, err := fmt.Sscan(mark[1], &n); err != nil || !strings.Contains(lines[n-1], mark[2]) {
			t.Errorf("%s is said to be on line %s: %q", mark[2], mark[1], lines[n-1])
		}
	}
}

// TestPatternsOnARunner: what matches is pushed, once; what does not is told with what
// is there.
func TestPatternsOnARunner(t *testing.T) {
	t.Parallel()
	j, at := newJob(t, nil), newRepo(t)
	all := filepath.Join(corpus, "uploads", "0[123]-*", "*.mmpack-manifest")
	j.wants(t, wants{result: "published", summary: []string{"## mmpush: published (3 uploads)\n"}}, "--glob", all+"\n\n"+manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at)
	j.wants(t, wants{
		code: exitUsage, result: "error",
		annotations: []string{"nothing matches ../../testdata/mmpack/uploads/*.mmpack; looked in ../../testdata/mmpack/uploads: 01-foo-1.0.0/, 02-", "/nowhere: there is no /nowhere"},
	}, "--glob", filepath.Join(corpus, "uploads", "*.mmpack"), "/nowhere/*", all, "--to", at)
	j.wants(t, wants{result: "unchanged", summary: []string{"(3 uploads)"}}, "--glob", "--fail-on-unmatched=false", "/nowhere/*", all, "--to", at)
	j.wants(t, wants{result: "unchanged", log: []string{"nothing to do"}, summary: []string{"## mmpush: nothing to publish\n"}}, "--glob", "--no-fail-on-unmatched", "/nowhere/*", "--to", at)
	j.wants(t, wants{code: exitUsage, result: "error", annotations: []string{"no pattern says what to publish"}}, "--glob", " \n ", "--to", at)
}

// TestStopOnARunner: a run that is cancelled tells what came of it.
func TestStopOnARunner(t *testing.T) {
	t.Parallel()
	j, at := newJob(t, nil), newRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j.ctx = ctx
	j.wants(t, wants{code: exitStopped, result: "error", annotations: []string{"::error file=uploads/01-foo-1.0.0/", "[MP-STOPPED]::interrupted"}, summary: []string{"## mmpush: error\n", "interrupted"}},
		manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at)
}

// TestSecretsOnARunner: they are hidden where a runner reads, and written nowhere else.
func TestSecretsOnARunner(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"MMPUSH_PASSWORD": "hunter2", "MMPUSH_TOKEN": "t0ken", "MMPUSH_SSH_KEY": "-----BEGIN\nk3y\n-----END\n"}
	at, foo := newRepo(t), manifestOf(t, "uploads/01-foo-1.0.0")
	j := newJob(t, vars)
	got := j.run("push", foo, "--to", at, "--output=github")
	if !strings.HasPrefix(got.stdout, "::add-mask::hunter2\n::add-mask::t0ken\n::add-mask::k3y\n::stop-commands::") {
		t.Errorf("not masked first:\n%s", got.stdout)
	}
	got = shell{vars: vars}.run("push", foo, "--to", at, "--output=github")
	for _, secret := range []string{"hunter2", "t0ken", "k3y"} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			t.Errorf("%s is shown where nobody hides it:\n%s", secret, got.stdout)
		}
	}
}

// TestRunnerFails: what cannot be written is told, and is a failure.
func TestRunnerFails(t *testing.T) {
	t.Parallel()
	j, at := newJob(t, nil), newRepo(t)
	j.vars["GITHUB_STEP_SUMMARY"] = filepath.Join(at, "nothing", "summary")
	if got := j.run("push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at, "--output=github"); got.code != exitInternal || !strings.Contains(got.stdout, "nothing/summary") {
		t.Errorf("exit %d\n%s", got.code, got.stdout)
	}
}

func sha256Of(t *testing.T, file string) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256([]byte(mustRead(t, file))))
}

// TestPackagesOnARunner: pacman packages are named by patterns, too; what is wrong with
// one stands beside it, and the summary has them all.
func TestPackagesOnARunner(t *testing.T) {
	t.Parallel()
	at, workspace := filepath.Join(t.TempDir(), "repo"), t.TempDir()
	mustRun(t, "init", at, "--kind", "pacman", "--name", "demo")
	const alpha, gamma, older = "alpha-1.1-1-any.pkg.tar.zst", "gamma-0.9rc1-3-x86_64.pkg.tar.zst", "alpha-1.0-1-any.pkg.tar.zst"
	for name, folder := range map[string]string{alpha: "out", gamma: "out", gamma + ".sig": "out", older: "old"} {
		to := filepath.Join(workspace, folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(mustRead(t, pacmanFile(name))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := newJob(t, map[string]string{"GITHUB_WORKSPACE": workspace})
	all := filepath.Join(workspace, "out", "*.pkg.tar.*")
	rows := []string{"| alpha | any | 1.1-1 | added | `", "| gamma | x86&#95;64 | 0.9rc1-3 | added | `"}
	j.wants(t, wants{result: "planned", summary: []string{"## mmpush: planned\n", "would be added"}}, "--glob", all, "--to", at, "--dry-run")
	j.fork(t).wants(t, wants{result: "planned", annotations: []string{"::notice title=mmpush::"}, summary: []string{"would be added"}}, "--glob", all, "--to", at)
	j.vars["GITHUB_EVENT_NAME"] = "push"
	j.wants(t, wants{result: "published", summary: append(rows, "## mmpush: published, generation 1\n")}, "--glob", all, "--to", at)
	if out := mustRead(t, j.output); !strings.Contains(out, `"name":"alpha","version":"1.1-1"`) || !strings.Contains(out, `"file":"`+gamma+`"`) {
		t.Errorf("outputs:\n%s", out)
	}
	if mustRead(t, filepath.Join(at, gamma+".sig")) != mustRead(t, pacmanFile(gamma+".sig")) {
		t.Error("the signature has not gone with its package")
	}
	j.wants(t, wants{result: "unchanged", summary: []string{"## mmpush: unchanged"}}, "--glob", all, "--to", at)
	j.wants(t, wants{
		code: exitRejected, result: "rejected", summary: []string{"## mmpush: rejected\n", "old/" + older},
		annotations: []string{"::error file=old/" + older + ",title=mmpush [MP-DOWNGRADE]::a newer version is published"},
	}, "--glob", filepath.Join(workspace, "*", older), "--to", at)
}
