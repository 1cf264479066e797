package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// TestKeyFromTheEnvironment: a key and known hosts in variables are enough to push; ssh
// is not given the key in its environment, and no file is left.
func TestKeyFromTheEnvironment(t *testing.T) {
	r := newRemote(t)
	temp := filepath.Join(t.TempDir(), "with space and 100%")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	key := mustRead(t, strings.TrimSuffix(r.KeyFile("client"), ".pub"))
	// An ssh that writes down what it is started with, what the files are like, and what is
	// in the folder for files of a moment.
	seen := filepath.Join(t.TempDir(), "seen")
	spy := filepath.Join(t.TempDir(), "ssh")
	script := "#!/bin/sh\n{ env; printf '%s\\n' \"$@\"; for a; do case $a in -o*File=*) f=${a#*=\\\"}; stat -L -c 'mode %a' \"${f%\\\"}\"; esac; done; ls -A " +
		ssh.Quote(temp) + " | sed 's/^/left /'; } >> " + ssh.Quote(seen) + " 2>&1\nexec ssh -F none \"$@\"\n"
	if err := os.WriteFile(spy, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := shell{vars: map[string]string{
		"MMPUSH_SSH_COMMAND": spy, "MMPUSH_REMOTE": r.program,
		"MMPUSH_SSH_KEY": strings.ReplaceAll(strings.TrimSpace(key), "\n", "\r\n"), "MMPUSH_KNOWN_HOSTS": r.KnownHosts(t),
	}}
	s.environ = append(os.Environ(), "MMPUSH_SSH_KEY="+key, "MMPUSH_PASSWORD=hunter2")
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	if got := r.push(s, m, r.repo); got.code != exitDone || !strings.Contains(got.stdout, "published foo 1.0.0") {
		t.Errorf("exit %d\n%s%s%s", got.code, got.stdout, got.stderr, r.Log())
	}
	what := mustRead(t, seen)
	secret := strings.Split(key, "\n")[1]
	if strings.Contains(what, secret) || strings.Contains(what, "hunter2") {
		t.Errorf("ssh has the secret itself:\n%s", what)
	}
	if strings.Count(what, "mode 600\n") != 2 || strings.Contains(what, "\nleft ") {
		t.Errorf("others may read the files, or they would outlive a kill:\n%s", what)
	}

	// A server with another key is not trusted, and nobody is asked.
	r.Trust(t, "other-host")
	s.vars["MMPUSH_KNOWN_HOSTS"] = r.KnownHosts(t)
	if got := r.push(s, m, r.repo); got.code != exitDenied || strings.Contains(got.stderr, secret) {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	r.Trust(t, "host")
	s.vars["MMPUSH_KNOWN_HOSTS"] = r.KnownHosts(t)
	s.vars["MMPUSH_SSH_KEY"] = mustRead(t, strings.TrimSuffix(r.KeyFile("stranger"), ".pub"))
	if got := r.push(s, m, r.repo); got.code != exitDenied || !strings.Contains(got.stderr, "Permission denied") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the folder for files of a moment: %v, %v", left, err)
	}
}
