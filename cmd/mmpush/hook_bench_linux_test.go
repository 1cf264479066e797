package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// hookRun is one large push, received by hand.
type hookRun struct {
	tb         testing.TB
	dir, bare  string
	blob, head string
	manifest   string
	environ    []string
}

// newHookRun puts an upload with a package of some bytes into a bare repository.
func newHookRun(tb testing.TB, size int64) *hookRun {
	tb.Helper()
	programtest.Need(tb, "git")
	dir := tb.TempDir()
	h := &hookRun{tb: tb, dir: dir, bare: filepath.Join(dir, "x.git"), environ: append(gitpush.CleanEnv(os.Environ()), "HOME="+dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")}
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o755); err != nil {
		tb.Fatal(err)
	}
	h.manifest = mpktest.Upload{Packages: []mpktest.Package{{Payload: size}}}.In(tb, filepath.Join(dir, "out"))
	h.git("init", "-q", "--bare", h.bare)
	h.git("--git-dir="+h.bare, "--work-tree="+filepath.Join(dir, "out"), "-c", "core.compression=0", "add", "-A")
	h.git("--git-dir="+h.bare, "--work-tree="+filepath.Join(dir, "out"), "commit", "-q", "-m", "x")
	h.head = h.git("--git-dir="+h.bare, "rev-parse", "HEAD")
	h.blob = h.git("--git-dir="+h.bare, "rev-parse", "HEAD:foo_1.0.0_amd64-debian.mpk")
	return h
}

func (h *hookRun) git(args ...string) string {
	h.tb.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = h.environ
	out, err := cmd.Output()
	if err != nil {
		h.tb.Fatalf("git %q: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// measured runs mmpush on a new repository; it returns the time and the peak of memory
// in kB.
func (h *hookRun) measured(input string, args ...string) (time.Duration, int) {
	h.tb.Helper()
	at, peak := filepath.Join(h.dir, "repo"), filepath.Join(h.dir, "peak")
	if err := os.RemoveAll(at); err != nil {
		h.tb.Fatal(err)
	}
	if got := (shell{}).run("init", at, "--arch", "amd64-debian"); got.code != exitDone {
		h.tb.Fatal(got.stderr)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "REPO", at)
	}
	cmd := exec.Command(programtest.Need(h.tb, "mmpush-measured"), args...)
	cmd.Env, cmd.Stdin = append(slices.Clone(h.environ), peakFile+"="+peak), strings.NewReader(input)
	from := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(from)
	if err != nil || !strings.Contains(string(out), "published") {
		h.tb.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(peak)
	if err != nil {
		h.tb.Fatal(err)
	}
	var kb int
	if _, err := fmt.Sscanf(string(text), "%d kB", &kb); err != nil {
		h.tb.Fatal(err)
	}
	return took, kb
}

func (h *hookRun) receive() (time.Duration, int) {
	return h.measured(plumbing0+" "+h.head+" refs/heads/x\n", "hook", "post-receive", "--git-dir", h.bare, "-R", "REPO", "--refs", "refs/heads/x")
}

// catFile is the time of the real git for the blob, through a pipe.
func (h *hookRun) catFile() time.Duration {
	cmd := exec.Command("git", "--git-dir="+h.bare, "cat-file", "blob", h.blob)
	cmd.Env, cmd.Stdout = h.environ, struct{ io.Writer }{io.Discard}
	from := time.Now()
	if err := cmd.Run(); err != nil {
		h.tb.Fatal(err)
	}
	return time.Since(from)
}

// TestMemoryOfALargePush: memory does not grow with a blob, loose or packed.
func TestMemoryOfALargePush(t *testing.T) {
	t.Parallel()
	h := newHookRun(t, 200_000_000)
	for _, form := range []string{"loose", "packed"} {
		took, kb := h.receive()
		if t.Logf("%s: %s, peak memory %d kB", form, took.Round(time.Millisecond), kb); kb > 64_000 {
			t.Errorf("%s: peak memory %d kB, want less than 64,000", form, kb)
		}
		h.git("--git-dir="+h.bare, "-c", "pack.compression=0", "repack", "-q", "-a", "-d")
	}
}

// BenchmarkGitPush publishes a blob of 200 MB: what the hook costs beyond a push of the
// same files from a folder, against `git cat-file` of the blob; and its peak of memory.
func BenchmarkGitPush(b *testing.B) {
	h := newHookRun(b, 200_000_000)
	for _, form := range []string{"loose", "packed"} {
		b.Run(form, func(b *testing.B) {
			var hooks, pushes, cats []time.Duration
			peak := 0
			for b.Loop() {
				took, kb := h.receive()
				hooks, peak = append(hooks, took), max(peak, kb)
				took, _ = h.measured("", "push", h.manifest, "--to", "REPO")
				pushes, cats = append(pushes, took), append(cats, h.catFile())
			}
			hook, push, cat := slices.Min(hooks), slices.Min(pushes), slices.Min(cats)
			b.ReportMetric(hook.Seconds(), "hook-s")
			b.ReportMetric(push.Seconds(), "folder-s")
			b.ReportMetric((hook - push).Seconds(), "own-share-s")
			b.ReportMetric(cat.Seconds(), "cat-file-s")
			b.ReportMetric((hook-push).Seconds()/cat.Seconds(), "own-share/cat-file")
			b.ReportMetric(float64(peak)/1000, "peak-MB")
		})
		h.git("--git-dir="+h.bare, "-c", "pack.compression=0", "repack", "-q", "-a", "-d")
	}
}
