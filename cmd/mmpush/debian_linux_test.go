package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// asRoot lets a command be root of a namespace of its own, if we are not root.
func asRoot(cmd *exec.Cmd) *exec.Cmd {
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	return cmd
}

// succeed runs a command and returns what it says.
func succeed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// machine is the root folder of a Debian on which nothing is installed.
type machine struct {
	*testing.T
	root string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{t, t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc", "usr/lib/systemd/system", "tmp"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"var/lib/dpkg/status": "", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "usr/lib/systemd/system/other.service": ""} {
		if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// dpkg runs dpkg on this machine; the scripts of packages run outside of it, as dpkg has
// them run where it makes the root folder of another machine.
func (m machine) dpkg(args ...string) {
	m.Helper()
	cmd := asRoot(exec.Command(programtest.Need(m, "dpkg"), append([]string{"--root=" + m.root, "--force-script-chrootless"}, args...)...))
	cmd.Env = append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C")
	for line := range strings.Lines(succeed(m.T, cmd)) {
		// The folder of units is not systemd's on this machine, but there it is.
		if strings.Contains(line, "warning") && !strings.Contains(line, "not empty so not removed") || strings.Contains(line, "error") {
			m.Errorf("dpkg %q: %s", args, line)
		}
	}
}

// files are all files and folders outside of dpkg's own.
func (m machine) files() string {
	m.Helper()
	var list strings.Builder
	err := filepath.WalkDir(m.root, func(name string, entry fs.DirEntry, err error) error {
		within, _ := filepath.Rel(m.root, name)
		if within == "var/lib/dpkg" {
			return fs.SkipDir
		}
		// systemd-sysusers keeps what it has replaced.
		if !strings.HasPrefix(within, "etc/") || strings.Contains(within, "mmpush") {
			list.WriteString(within + "\n")
		}
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
	return list.String()
}

// TestDebianPackage: the package installs, what is in it works, and it goes without a
// trace, but for what belongs to the operator.
func TestDebianPackage(t *testing.T) {
	t.Parallel()
	analyze := programtest.Need(t, "systemd-analyze")
	programtest.Need(t, "nfpm")
	dir := t.TempDir()
	program, deb := filepath.Join(dir, "program"), filepath.Join(dir, "mmpush_1.2.3_amd64.deb")
	succeed(t, exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "."))
	pack := exec.Command("../../.ci/deb", program, program, "1.2.3", "amd64", dir)
	pack.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	succeed(t, pack)
	m := newMachine(t)
	before := m.files()
	m.dpkg("-i", deb)
	if out := succeed(t, exec.Command(filepath.Join(m.root, "usr/bin/mmpush"), "version")); !strings.HasPrefix(out, "mmpush ") {
		t.Errorf("version: %s", out)
	}
	for _, name := range []string{
		"usr/lib/systemd/system/mmpush.service", "usr/lib/systemd/system/mmpush.socket", "usr/lib/systemd/system/mmpush-watch@.service",
		"usr/lib/systemd/system/mmpush-gc.timer", "usr/lib/sysusers.d/mmpush.conf", "usr/lib/tmpfiles.d/mmpush.conf", "usr/share/man/man1/mmpush-push.1.gz",
		"usr/share/man/man5/mmpush-settings.5.gz", "usr/share/bash-completion/completions/mmpush", "usr/share/zsh/vendor-completions/_mmpush",
		"usr/share/fish/vendor_completions.d/mmpush.fish", "usr/share/doc/mmpush/copyright",
	} {
		if info, err := os.Lstat(filepath.Join(m.root, name)); err != nil || info.Size() == 0 || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if passwd := mustRead(t, filepath.Join(m.root, "etc/passwd")); !strings.Contains(passwd, "\nmmpush:") {
		t.Errorf("there is no user mmpush:\n%s", passwd)
	}
	units := []string{"mmpush.service", "mmpush.socket", "mmpush-http.socket", "mmpush-watch@srv-drop.service", "mmpush-gc.service", "mmpush-gc.timer"}
	verify := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...)
	verify.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+filepath.Join(m.root, "usr/lib/systemd/system")+":")
	if out, err := verify.CombinedOutput(); onlyMissingProgram(out, err) != nil {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}

	kept := filepath.Join(m.root, "var/lib/mmpush/repo")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	m.dpkg("-r", "mmpush")
	m.dpkg("-P", "mmpush")
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the operator's repository: %v", err)
	}
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	m.dpkg("-i", deb)
	m.dpkg("-P", "mmpush")
	after := strings.NewReplacer("var/lib/systemd\n", "", "var/lib/systemd/timers\n", "").Replace(m.files())
	if after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// onlyMissingProgram leaves out that systemd looks for the program on this machine.
func onlyMissingProgram(out []byte, err error) error {
	for line := range bytes.Lines(out) {
		if !bytes.Contains(line, []byte("Command /usr/bin/mmpush is not executable: No such file or directory")) {
			return os.ErrInvalid
		}
	}
	return nil
}

// TestReleaseIsReproducible: two clones of one commit, in folders of other names and with
// nothing in common that was built before, give the same release.
func TestReleaseIsReproducible(t *testing.T) {
	if !long() {
		t.Skip("MMPUSH_LONG is not set")
	}
	programtest.Need(t, "nfpm")
	git := programtest.Need(t, "git")
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "elsewhere", "the second")
	succeed(t, exec.Command(git, "clone", "-q", "../..", first))
	if got := exec.Command(filepath.Join(first, ".ci/release"), filepath.Join(dir, "no")); got.Run() == nil {
		t.Error("a commit without a tag is released")
	}
	if err := os.WriteFile(filepath.Join(first, "action/version"), []byte("1.99.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	as := []string{"-C", first, "-c", "user.name=t", "-c", "user.email=t@example.org"}
	succeed(t, exec.Command(git, append(as, "commit", "-q", "-a", "-m", "1.99.0")...))
	succeed(t, exec.Command(git, append(as, "tag", "-a", "-m", "1.99.0", "v1.99.0")...))
	if err := os.Mkdir(filepath.Dir(second), 0o755); err != nil {
		t.Fatal(err)
	}
	succeed(t, exec.Command(git, "clone", "-q", first, second))
	var sums []string
	for i, at := range []string{first, second} {
		out := filepath.Join(dir, "out", string(rune('a'+i)))
		release := exec.Command(filepath.Join(at, ".ci/release"), out, "linux/amd64")
		if i == 1 {
			release.Env = append(os.Environ(), "GOCACHE="+t.TempDir(), "TMPDIR="+t.TempDir(), "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8")
		}
		succeed(t, release)
		sums = append(sums, mustRead(t, filepath.Join(out, "SHA256SUMS")))
		check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
		check.Dir = out
		succeed(t, check)
	}
	if sums[0] != sums[1] || strings.Count(sums[0], "\n") != 2 {
		t.Errorf("the releases differ:\n%s\n%s", sums[0], sums[1])
	}
	t.Logf("built twice:\n%s", sums[0])
	program := filepath.Join(dir, "out", "a", "mmpush_1.99.0_linux_amd64")
	if out := succeed(t, exec.Command(program, "version")); !strings.HasPrefix(out, "mmpush v1.99.0\n") {
		t.Errorf("version: %s", out)
	}
	if out := succeed(t, exec.Command("file", "-b", program)); !strings.Contains(out, "statically linked") {
		t.Errorf("not static: %s", out)
	}
}
