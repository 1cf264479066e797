//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// addressOf waits until a server says where it does something.
func (s *serving) addressOf(t *testing.T, what string) (addr string) {
	t.Helper()
	line := regexp.MustCompile(`msg="` + what + `" address=(\S+)`)
	until(t, what, func() bool {
		if m := line.FindStringSubmatch(s.stderr.String()); m != nil {
			addr = m[1]
		}
		return addr != ""
	})
	return addr
}

// TestServeHTTP: the real curl reads what is published over HTTP and HTTPS, resumes, and
// is told when nothing is new; the operator is told how the server is.
func TestServeHTTP(t *testing.T) {
	t.Parallel()
	curl := programtest.Need(t, "curl")
	repo, users, tmp := newRepo(t), filepath.Join(t.TempDir(), "users"), t.TempDir()
	writeUsers(t, users, "first")
	fetch := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), curl, append([]string{"-sS", "--fail-with-body", "--max-time", "20"}, args...)...).CombinedOutput()
		if err != nil {
			return "curl: " + err.Error() + ": " + string(out)
		}
		return string(out)
	}
	s := startServing(t, repo, users, "--tls-self-signed", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--status", ":0")
	site, status := "http://"+s.addressOf(t, "showing the repository"), "http://"+s.addressOf(t, "telling the status")
	if !strings.HasPrefix(status, "http://127.0.0.1:") {
		t.Errorf("the status is at %s", status)
	}
	if got := fetch(status + "/healthz"); got != "ok\n" {
		t.Errorf("%q", got)
	}
	push := (shell{vars: map[string]string{"MMPUSH_PASSWORD": servePassword}}).run("push", manifestOf(t, "uploads/03-greet-0.9.0"),
		"--to", "tupkgs://first@"+s.addr+"?fingerprint="+strings.TrimSpace(strings.TrimPrefix(s.stdout.String(), "fingerprint ")))
	if push.code != exitDone {
		t.Fatalf("%s%s", push.stdout, push.stderr)
	}
	const name = "greet_0.9.0_amd64-debian.mpk"
	want := mustRead(t, filepath.Join(repo, name))
	for _, url := range []string{site + "/" + name, strings.Replace(secondAddress(t, s, site), "http:", "https:", 1) + "/" + name} {
		if got := fetch("-k", url); got != want {
			t.Errorf("%s: %d bytes, want %d: %.200q", url, len(got), len(want), got)
		}
	}
	part := filepath.Join(tmp, "part")
	if err := os.WriteFile(part, []byte(want[:100]), 0o600); err != nil {
		t.Fatal(err)
	}
	if fetch("-C", "-", "-o", part, site+"/"+name); mustRead(t, part) != want {
		t.Error("not resumed")
	}
	tag, index := filepath.Join(tmp, "tag"), site+"/binary-index.gz"
	fetch("--etag-save", tag, "-o", "/dev/null", index)
	if got := fetch("--etag-compare", tag, "-o", "/dev/null", "-w", "%{http_code}", index); got != "304" {
		t.Errorf("asked again: %q", got)
	}
	for _, path := range []string{"/", "/.mmpush/settings.yaml", "/%2emmpush/settings.yaml", "/pool/..%2f.mmpush/history", "/healthz", "/metrics"} {
		if got := fetch("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", site+path); !strings.Contains(got, "404") {
			t.Errorf("%s: %q", path, got)
		}
	}
	metrics := fetch(status + "/metrics")
	for _, line := range []string{`mmpush_uploads_total{result="published"} 1`, "mmpush_commit_uploads_count 1", "mmpush_partial_files 0"} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
	if err := os.Rename(filepath.Join(repo, ".mmpush/settings.yaml"), filepath.Join(tmp, "settings.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := fetch(status + "/healthz"); !strings.Contains(got, "503") || !strings.Contains(got, "has vanished") {
		t.Errorf("without settings: %q", got)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}

// secondAddress is where the repository is shown besides the first address.
func secondAddress(t *testing.T, s *serving, first string) (addr string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`msg="showing the repository" address=(\S+)`).FindAllStringSubmatch(s.stderr.String(), -1) {
		if "http://"+m[1] != first {
			addr = "http://" + m[1]
		}
	}
	return addr
}

// TestServeReadersOnly: a repository of any kind can be shown without taking uploads,
// and nothing is written into it.
func TestServeReadersOnly(t *testing.T) {
	t.Parallel()
	curl := programtest.Need(t, "curl")
	at := filepath.Join(t.TempDir(), "pacman")
	if got := (shell{}).run("init", at, "--kind", "pacman", "--name", "demo"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	before := tree(t, at)
	s := runServing(t, "-R", at, "--http", "127.0.0.1:0", "--http-list")
	site := "http://" + s.addressOf(t, "showing the repository")
	for path, want := range map[string]string{"/demo.db": "200", "/demo.files": "200", "/demo.current/demo.db.tar.gz": "200", "/": "200", "/.demo.db/": "404", "/.mmpush/history": "404"} {
		out, err := exec.CommandContext(t.Context(), curl, "-sS", "--max-time", "20", "-o", os.DevNull, "-w", "%{http_code}", site+path).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %s %v", path, out, err)
		}
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	if after := tree(t, at); after != before {
		t.Errorf("was\n%sis\n%s", before, after)
	}
	for _, args := range [][]string{{"serve", "-R", newRepo(t)}, {"serve", "-R", newRepo(t), "--https", "127.0.0.1:0"}} {
		if got := (shell{}).run(args...); got.code != exitUsage {
			t.Errorf("%q: exit %d %s", args, got.code, got.stderr)
		}
	}
}

// tree lists what is below a folder, with sizes and dates.
func tree(t *testing.T, at string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&list, path, info.Size(), info.Mode(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

// TestServeSetHTTP: readers find each repository of a set below its architecture.
func TestServeSetHTTP(t *testing.T) {
	t.Parallel()
	curl := programtest.Need(t, "curl")
	j := newJobs(t)
	arch := j.archs[0]
	mustRun(t, "push", j.manifest(arch, arch), "--to", j.repo(arch))
	s := startProcess(t, []string{j.config()}, "serve", "-R", "all", "--http", "127.0.0.1:0", "--status", ":0")
	site, status := "http://"+s.addressOf(t, "showing the repository"), "http://"+s.addressOf(t, "telling the status")
	fetch := func(url string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), curl, "-sS", "--max-time", "20", url).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		return string(out)
	}
	for _, name := range []string{"binary-index.gz", "source-index"} {
		for _, arch := range j.archs {
			if got := fetch(site + "/" + arch + "/" + name); got != mustRead(t, filepath.Join(j.repo(arch), name)) {
				t.Errorf("%s of %s is %.200q", name, arch, got)
			}
		}
		if got := fetch(site + "/" + name); got != "not found\n" {
			t.Errorf("%s of no repository is %.200q", name, got)
		}
	}
	if got := fetch(status + "/healthz"); got != "ok\n" {
		t.Errorf("%q", got)
	}
	if err := os.Remove(filepath.Join(j.repo(j.archs[2]), "source-index")); err != nil {
		t.Fatal(err)
	}
	if got := fetch(status + "/healthz"); !strings.Contains(got, j.repo(j.archs[2])) {
		t.Errorf("without an index of one repository: %q", got)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}
