//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/watch"
)

// TestWatchRepositoryReplaced puts a copy in the place of the repository: what comes
// then is published in the copy, not in what was moved away.
func TestWatchRepositoryReplaced(t *testing.T) {
	t.Parallel()
	d := newDropFolder(t, t.TempDir())
	old := d.repo + ".old"
	if err := os.Rename(d.repo, old); err != nil {
		t.Fatal(err)
	}
	execute(t, "cp", "-a", old, d.repo)
	files := filesOf(t, "uploads/01-foo-1.0.0")
	execute(t, "cp", append(files, d.at)...)
	d.becomes(files[0], report.Published)
	d.published("foo 1.0.0", 1)
	if exists(filepath.Join(old, "foo_1.0.0_src.tar.xz")) {
		t.Error("published in the repository that was moved away")
	}
	d.stop(syscall.SIGTERM, exitDone)
}

// TestWatchNotNested: a drop folder in the repository or around it is refused,
// however it is called; one beside it is not.
func TestWatchNotNested(t *testing.T) {
	t.Parallel()
	around := t.TempDir()
	repository, deep := filepath.Join(around, "a", "repo"), filepath.Join("x", "y")
	for _, dir := range []string{filepath.Join(repository, deep), filepath.Join(around, "b")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(repository, deep), link); err != nil {
		t.Fatal(err)
	}
	for drop, want := range map[string]string{
		repository: "is the repository itself", filepath.Join(repository, deep): "is a folder in the repository",
		link: "is a folder in the repository", around: "has the repository in it",
		filepath.Join(around, "b", "..", "a"): "has the repository in it", filepath.Join(around, "b"): "",
	} {
		err := apart(drop, repository)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", drop, err, want)
		}
	}
	at := newRepo(t)
	if err := os.Mkdir(filepath.Join(at, "drop"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, drop := range []string{filepath.Join(at, "drop"), filepath.Dir(at)} {
		p := startPipe(t, "mmpush", "watch", drop, "-R", at)
		// One that starts would run on.
		stop := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
		_, code := p.wait()
		stop.Stop()
		if code == exitDone || !strings.Contains(p.stderr.String(), "repository") {
			t.Errorf("%s: exit %d\n%s", drop, code, p.stderr.String())
		}
		if exists(filepath.Join(drop, ".mmpush-watch")) {
			t.Errorf("%s: something was made in it", drop)
		}
	}
}

// TestWatchOwner: folders of another user are refused.
func TestWatchOwner(t *testing.T) {
	t.Parallel()
	drop := t.TempDir()
	if err := os.Mkdir(filepath.Join(drop, watch.VerdictDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := ownFolders(drop, watch.VerdictDir); err != nil {
		t.Errorf("our own: %v", err)
	}
	if err := ownFolders(drop, watch.RejectedDir); err == nil {
		t.Error("what is not there is ours")
	}
	info, err := os.Lstat(drop)
	if err != nil {
		t.Fatal(err)
	}
	st := *info.Sys().(*syscall.Stat_t)
	st.Uid++
	if ours(foreign{info, &st}) {
		t.Error("the folder of another user is ours")
	}
}

// foreign is a folder with another owner.
type foreign struct {
	os.FileInfo
	st *syscall.Stat_t
}

func (f foreign) Sys() any { return f.st }
