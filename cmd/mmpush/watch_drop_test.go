//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/watch"
)

// dropFolder is a drop folder, a repository and the real process between them.
type dropFolder struct {
	*testing.T
	at, repo string
	process  *pipe
}

// newDropFolder starts a watcher on a folder.
func newDropFolder(t *testing.T, at string, flags ...string) *dropFolder {
	t.Helper()
	d := &dropFolder{T: t, at: at, repo: newRepo(t)}
	d.start(flags...)
	return d
}

// start starts a watcher and waits until it has the folder.
func (d *dropFolder) start(flags ...string) {
	d.Helper()
	lock := filepath.Join(d.at, ".mmpush-watch", "lock")
	if err := os.Remove(lock); err != nil && !os.IsNotExist(err) {
		d.Fatal(err)
	}
	d.process = startPipe(d.T, "mmpush", append([]string{"watch", d.at, "-R", d.repo}, flags...)...)
	until(d.T, "a watcher", func() bool { return exists(lock) })
}

// idle reports whether nothing is on its way out of the folder.
func (d *dropFolder) idle() bool {
	list, err := os.ReadDir(filepath.Join(d.at, ".mmpush-watch"))
	return err == nil && len(list) == 1
}

// stop sends a signal and wants an exit code.
func (d *dropFolder) stop(signal syscall.Signal, code int) (stdout string) {
	d.Helper()
	if err := d.process.cmd.Process.Signal(signal); err != nil {
		d.Fatal(err)
	}
	stdout, got := d.process.wait()
	if got != code {
		d.Errorf("%s: exit %d, want %d\n%s", signal, got, code, d.process.stderr.String())
	}
	return stdout
}

// files are the names of the ordinary files in the folder.
func (d *dropFolder) files() []string {
	d.Helper()
	list, err := os.ReadDir(d.at)
	if err != nil {
		d.Fatal(err)
	}
	var names []string
	for _, e := range list {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// verdict is what is told about a manifest.
func (d *dropFolder) verdict(manifest string) (v watch.Verdict) {
	d.Helper()
	text, err := os.ReadFile(filepath.Join(d.at, watch.VerdictFile(filepath.Base(manifest))))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil && !os.IsNotExist(err) {
		d.Fatal(err)
	}
	return v
}

// becomes waits for a verdict.
func (d *dropFolder) becomes(manifest string, want report.Result) {
	d.Helper()
	until(d.T, string(want)+": "+manifest, func() bool { return d.verdict(manifest).Result == want })
}

// waitsFor waits until the watcher has seen that an upload lacks so many files.
func (d *dropFolder) waitsFor(manifest string, files int) {
	d.Helper()
	until(d.T, fmt.Sprintf("waiting for %d files", files), func() bool {
		v := d.verdict(manifest)
		return v.Result == watch.Waiting && len(v.Findings) == files
	})
}

// append adds to a file in the folder.
func (d *dropFolder) append(name string, data []byte) {
	d.Helper()
	f, err := os.OpenFile(filepath.Join(d.at, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.Write(data)
		_ = f.Close()
	}
	if err != nil {
		d.Fatal(err)
	}
}

// filesOf are the paths of the files of a genuine upload, the manifest first.
func filesOf(t *testing.T, upload string) []string {
	t.Helper()
	manifest := manifestOf(t, upload)
	rest, err := filepath.Glob(filepath.Join(filepath.Dir(manifest), "*_*"))
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{manifest}, slices.DeleteFunc(rest, func(name string) bool { return name == manifest })...)
}

// published wants a package in the index, all files with their bytes, so many
// generations, and nothing left in the folder.
func (d *dropFolder) published(want string, generations int) {
	d.Helper()
	until(d.T, "an empty folder", func() bool { return len(d.files()) == 0 })
	if got := versionsOf(d.T, d.repo); !got[want] {
		d.Errorf("published: %v", got)
	}
	if err := whole(d.repo); err != nil {
		d.Error(err)
	}
	if n := strings.Count(mustRead(d.T, filepath.Join(d.repo, ".mmpush", "history")), "\n"); n != generations {
		d.Errorf("%d generations, want %d", n, generations)
	}
}

func execute(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// device is the file system that a folder is on.
func device(t *testing.T, dir string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return 0
	}
	return uint64(st.Dev)
}

// elsewhere makes a folder on another file system than dir.
func elsewhere(t *testing.T, dir string) string {
	t.Helper()
	for _, candidate := range []string{"/dev/shm", "/run", "/tmp", "/var/tmp", "."} {
		if at := device(t, candidate); at == 0 || at == device(t, dir) {
			continue
		}
		made, err := os.MkdirTemp(candidate, "mmpush-test-")
		if err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(made) })
			return made
		}
	}
	t.Fatal("no second file system: /dev/shm, /run, /tmp, /var/tmp and . are all one, or closed")
	return ""
}
