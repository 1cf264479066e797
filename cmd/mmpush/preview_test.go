package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// TestForkOnARunner: a pull request from a fork writes nothing, logs in nowhere, and
// learns what it would change.
func TestForkOnARunner(t *testing.T) {
	t.Parallel()
	foo, bad := manifestOf(t, "uploads/06-foo-1.1.0"), manifestOf(t, "uploads-bad/wrong-size")
	at := newRepo(t, "uploads/01-foo-1.0.0")
	j := newJob(t, nil).fork(t)
	fork := "::notice title=mmpush::a change from the fork stranger/mmpush is not published\n"
	j.wants(t, wants{result: "planned", annotations: []string{fork}, log: []string{"would publish foo 1.1.0"}, summary: []string{"**notice:** a change from the fork stranger/mmpush is not published", "would be replaced"}}, foo, "--to", at)
	if got := (shell{}).run("list", "-R", at); !strings.Contains(got.stdout, "1.0.0") || strings.Contains(got.stdout, "1.1.0") {
		t.Errorf("published:\n%s", got.stdout)
	}
	j.wants(t, wants{code: exitRejected, result: "rejected", annotations: []string{fork, "MP-SIZE"}}, bad, "--to", at)

	// A server: nobody connects to it.
	server := "tupkgs://me@127.0.0.1:1"
	j.wants(t, wants{result: "verified", annotations: []string{fork}}, foo, "--to", server)
	j.wants(t, wants{result: "verified", annotations: []string{fork}}, foo)
	j.wants(t, wants{code: exitRejected, result: "rejected", annotations: []string{fork, "MP-SIZE"}}, bad, "--to", server)

	// The repository as clients see it.
	web := httptest.NewServer(http.FileServer(http.Dir(at)))
	t.Cleanup(web.Close)
	for _, to := range [][]string{{"--to", server}, {"--to", "ssh://127.0.0.1:1/srv"}, nil} {
		j.wants(t, wants{result: "planned", annotations: []string{fork}, log: []string{"would publish foo 1.1.0"}, summary: []string{"| 1.0.0 → 1.1.0 | would be replaced |"}},
			append([]string{foo, "--public-url", web.URL, "--user", "me"}, to...)...)
	}
	j.wants(t, wants{result: "unchanged", annotations: []string{fork}}, manifestOf(t, "uploads/01-foo-1.0.0"), "--public-url", web.URL+"/", "--to", server)
	j.wants(t, wants{result: "verified", annotations: []string{fork, "::warning title=mmpush::what a publish would change is not known: " + web.URL + "/nothing/binary-index.gz: the server answers 404"}},
		foo, "--public-url", web.URL+"/nothing", "--to", server)
	j.wants(t, wants{code: exitUsage, result: "error", annotations: []string{"is no URL"}}, foo, "--public-url", "/srv", "--to", server)
}

// TestSetOnARunner: a set is published, or planned, as a repository is; a part that waits
// is no failure of the step.
func TestSetOnARunner(t *testing.T) {
	t.Parallel()
	config, dir := t.TempDir(), t.TempDir()
	amd, arm := newRepo(t), filepath.Join(t.TempDir(), "arm")
	mustRun(t, "init", arm, "--arch", "arm64-debian")
	text := fmt.Sprintf("sets:\n    stable:\n        repositories: {amd64-debian: %s, arm64-debian: %s}\n    waiting:\n"+
		"        repositories: {amd64-debian: %s, arm64-debian: %s}\n        expects: [amd64-debian, arm64-debian]\n", amd, arm, amd, arm)
	if err := os.MkdirAll(filepath.Join(config, "mmpush"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "mmpush", "config.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"XDG_CONFIG_HOME": config, "HOME": t.TempDir()}
	j := newJob(t, vars)
	part := func(version, arch string) string {
		at := filepath.Join(dir, version, arch)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		return mpktest.Upload{Name: "foo", Version: version, Packages: []mpktest.Package{{Arch: arch}}}.In(t, at)
	}
	both := []string{part("1.0.0", "amd64-debian"), part("1.0.0", "arm64-debian"), "--to", "stable"}
	fork := newJob(t, vars).fork(t)
	fork.wants(t, wants{result: "planned", annotations: []string{"a change from the fork"}, summary: []string{"## mmpush: planned foo 1.0.0"}}, both...)
	j.wants(t, wants{result: "published", summary: []string{"| amd64-debian | 1.0.0 | added |", "| arm64-debian | 1.0.0 | added |"}}, both...)
	j.wants(t, wants{code: exitRejected, result: "rejected", annotations: []string{"::error "}}, part("1.1.0", "amd64-debian"), "--to", "stable")
	j.wants(t, wants{result: "accepted", summary: []string{"## mmpush: accepted"}}, part("1.1.0", "amd64-debian"), "--to", "waiting")
}

// TestPacmanOnARunner: packages without a manifest are published, and planned, too.
func TestPacmanOnARunner(t *testing.T) {
	t.Parallel()
	packages, at := filepath.Join("..", "..", "testdata", "pacman", "packages"), filepath.Join(t.TempDir(), "repo")
	mustRun(t, "init", at, "--kind", "pacman", "--name", "demo")
	one, next := filepath.Join(packages, "alpha-1.0-1-any.pkg.tar.zst"), filepath.Join(packages, "alpha-1.1-1-any.pkg.tar.zst")
	j, fork := newJob(t, nil), newJob(t, nil).fork(t)
	fork.wants(t, wants{result: "planned", annotations: []string{"a change from the fork"}, summary: []string{"| would be added |"}}, one, "--to", at)
	fork.wants(t, wants{result: "verified", annotations: []string{"a change from the fork"}, summary: []string{"| alpha | any | 1.0-1 | verified |"}}, one, "--to", "tupkgs://me@127.0.0.1:1")
	newJob(t, map[string]string{"HOME": t.TempDir()}).wants(t, wants{result: "verified", annotations: []string{"::warning title=mmpush::nothing is published: "}}, one, "--to", "tupkgs://me@127.0.0.1:1")
	j.wants(t, wants{result: "published", summary: []string{"## mmpush: published, generation 1\n", "| alpha | any | 1.0-1 | added |"}}, "--glob", filepath.Join(packages, "alpha-1.0-1-*.zst"), "--to", at)
	j.wants(t, wants{code: exitRejected, result: "rejected", annotations: []string{"/testdata/pacman/packages/alpha-1.1-1-any.pkg.tar.zst,title=mmpush [MP-DUPLICATE]::"}}, one, next, "--to", at)
}

// TestNoCredentialOnARunner: without a password nobody logs in with an empty one.
func TestNoCredentialOnARunner(t *testing.T) {
	t.Parallel()
	j := newJob(t, map[string]string{"MMPUSH_PASSWORD": "", "HOME": t.TempDir()})
	j.wants(t, wants{
		result: "verified", annotations: []string{"::warning title=mmpush::nothing is published: tupkg://me@127.0.0.1:1: there is no password for me\n"},
		summary: []string{"## mmpush: verified foo 1.0.0\n", "there is no password for me"},
	}, manifestOf(t, "uploads/01-foo-1.0.0"), "--to", "tupkg://me@127.0.0.1:1")
	// Who says nothing about the user has made a mistake.
	j.wants(t, wants{code: exitDenied, result: "error", annotations: []string{"MP-LOGIN"}}, manifestOf(t, "uploads/01-foo-1.0.0"), "--to", "tupkg://127.0.0.1:1")
}

// TestOnlyReadOverHTTP: a public repository is not a target to publish to.
func TestOnlyReadOverHTTP(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/06-foo-1.1.0")
	web := httptest.NewServer(http.FileServer(http.Dir(at)))
	t.Cleanup(web.Close)
	again := manifestOf(t, "uploads/07-foo-1.1.0-rebuild")
	if got := (shell{}).run("push", again, "--to", web.URL); got.code != exitUsage || !strings.Contains(got.stderr, "can only be read over HTTP") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	// What the settings say of a rebuild is not public: it is planned, and told.
	if got := (shell{}).run("push", again, "--to", web.URL, "--dry-run"); got.code != exitDone || !strings.Contains(got.stdout, "rebuilt") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := (shell{}).run("push", again, "--to", web.URL+"/nothing", "--dry-run"); got.code != exitUsage || !strings.Contains(got.stderr, "MP-NOREPO") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	web.Close()
	if got := (shell{}).run("push", again, "--to", web.URL, "--dry-run"); got.code != exitTransport || !strings.Contains(got.stderr, "MP-CONNECTION") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}
