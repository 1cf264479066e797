package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// tmpfsAt is the variable that tells the test binary, in a namespace of its own, where to
// mount a small file system.
const tmpfsAt = "MMPUSH_TEST_TMPFS"

const (
	tmpfsBytes  = 1 << 20
	tmpfsInodes = 400
	page        = 4096
)

// TestFullDisk fills a small file system, but for some pages or some inodes, and
// publishes into it: the old index is served, or the new one; and it works again once
// there is room.
func TestFullDisk(t *testing.T) {
	if at := os.Getenv(tmpfsAt); at != "" {
		mountTmpfs(t, at)
		fillDisks(t, at)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), tmpfsAt+"="+t.TempDir())
	// Nobody else sees the mount, and it goes with the process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() == exitNoMount) {
		programtest.Missing(t, "tmpfs", fmt.Errorf("%w: %s", err, out))
	}
	if err != nil || !bytes.Contains(out, fmt.Appendf(nil, "%d sizes", 4*((fullest+1)/fullStep()))) {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, " sizes") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// exitNoMount is how the test binary ends if it may not mount.
const exitNoMount = 77

func mountTmpfs(t *testing.T, at string) {
	t.Helper()
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("tmpfs", at, "tmpfs", 0, fmt.Sprintf("size=%d,nr_inodes=%d", tmpfsBytes, tmpfsInodes))
	}
	if err != nil {
		fmt.Println("mount:", err)
		os.Exit(exitNoMount)
	}
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
}

// fullest is the largest room that is left, in pages or inodes.
const fullest = 49

// fullStep is how far apart the rooms are that are tried.
func fullStep() int {
	if long() {
		return 1
	}
	return 5
}

// fillDisks tries 40 sizes, in the long tier 200: 0 to 49 pages left, or inodes, with
// and without retired files that could give their room.
func fillDisks(t *testing.T, at string) {
	outcomes, tried := map[string]int{}, 0
	for left := 0; left <= fullest; left += fullStep() {
		for _, retired := range []bool{false, true} {
			for _, inodes := range []bool{false, true} {
				outcomes[fillDisk(t, at, left, retired, inodes)]++
				tried++
			}
		}
	}
	t.Logf("%d sizes: %v", tried, outcomes)
	if outcomes["refused"] == 0 || outcomes["published"] == 0 || outcomes["made room"] == 0 {
		t.Error("the sizes do not show every outcome")
	}
}

// fillDisk publishes into a full file system and says how that ended.
func fillDisk(t *testing.T, at string, left int, retired, inodes bool) (outcome string) {
	t.Helper()
	name := fmt.Sprintf("%d left, inodes %t, retired %t", left, inodes, retired)
	dir := filepath.Join(at, "repo")
	mustRun(t, "push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", dir, "--init", "--arch", "amd64-debian")
	if retired {
		mustRun(t, "push", manifestOf(t, "uploads/06-foo-1.1.0"), "--to", dir)
	}
	old := indexBytes(t, dir)
	filler := fill(t, at, left, inodes)
	push := []string{"push", manifestOf(t, "uploads/10-foo-2.0.0"), "--to", dir}
	got := shell{}.run(push...)
	if err := whole(dir); err != nil {
		t.Errorf("%s: as it is served: %v", name, err)
	}
	switch {
	case got.code == exitDone && strings.Contains(got.stderr, "MP-ROOM"):
		outcome = "made room"
	case got.code == exitDone:
		outcome = "published"
	case got.code != exitInternal || !strings.Contains(got.stderr, "no space left on device") || !strings.Contains(got.stderr, "room"):
		t.Errorf("%s: exit %d\n%s", name, got.code, got.stderr)
	case indexBytes(t, dir) != old:
		t.Errorf("%s: refused, and the indexes have changed\n%s", name, got.stderr)
	default:
		outcome = "refused"
	}
	if err := os.RemoveAll(filler); err != nil {
		t.Fatal(err)
	}
	if got := (shell{}).run(push...); got.code != exitDone {
		t.Errorf("%s: with room again: exit %d\n%s", name, got.code, got.stderr)
	}
	if got := (shell{}).run("fsck", "-R", dir, "--deep"); got.code != exitDone {
		t.Errorf("%s: %s\n%s%s", name, outcome, got.stdout, got.stderr)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	return outcome
}

func indexBytes(t *testing.T, dir string) string {
	t.Helper()
	var all []byte
	for _, name := range []string{"source-index", "binary-index.gz"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// fill takes all room but for some pages, or all inodes but for some.
func fill(t *testing.T, at string, left int, inodes bool) (filler string) {
	t.Helper()
	filler = filepath.Join(at, "filler")
	if err := os.Mkdir(filler, 0o755); err != nil {
		t.Fatal(err)
	}
	if inodes {
		fillInodes(t, filler, left)
		return filler
	}
	f, err := os.Create(filepath.Join(filler, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, page))
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, size/page-int64(left)) * page); err != nil {
		t.Fatal(err)
	}
	return filler
}

func fillInodes(t *testing.T, filler string, left int) {
	t.Helper()
	n := 0
	for {
		f, err := os.Create(filepath.Join(filler, strconv.Itoa(n)))
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range min(left, n) {
		if err := os.Remove(filepath.Join(filler, strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
}
