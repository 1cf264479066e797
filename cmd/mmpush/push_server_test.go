//go:build unix

package main

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestNoSecretInAnyOutput: whatever becomes of a push to a server, neither the password
// nor a wrong one stands in its output, its files or the server's log.
func TestNoSecretInAnyOutput(t *testing.T) {
	t.Parallel()
	const wrong = "wr0ng+secret%"
	at, users, home := newRepo(t), filepath.Join(t.TempDir(), "users"), t.TempDir()
	writeUsers(t, users, "me")
	s := startServing(t, at, users)
	foo, bad := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads-bad/wrong-size")
	file := filepath.Join(home, "password")
	for _, c := range []struct {
		password string
		args     []string
		code     int
	}{
		{servePassword, []string{foo, "--dry-run"}, exitDone},
		{servePassword, []string{foo}, exitDone},
		{servePassword, []string{foo, "--to", "tupkg://me@" + s.addr + "?v=1"}, exitAccepted},
		{servePassword, []string{bad}, exitRejected},
		{servePassword, []string{foo, "--to", "tupkg://stranger@" + s.addr}, exitDenied},
		{servePassword, []string{foo, "--to", "tupkgs://me@" + s.addr}, exitTransport},
		{servePassword, []string{foo, "--to", "tupkg://me@127.0.0.1:1"}, exitTransport},
		{servePassword, []string{foo, "--to", "tupkg://me:" + servePassword + "@" + s.addr}, exitUsage},
		{servePassword, []string{foo, "--to", "tupkg://me@" + s.addr + "/?password=" + "x"}, exitUsage},
		{wrong, []string{foo}, exitDenied},
		{wrong, []string{foo, "--to", "tupkg://me@" + s.addr + "?v=1"}, exitDenied},
		{wrong + "\nsecond line", []string{foo}, exitUsage},
		{strings.Repeat(wrong, 1000), []string{foo}, exitUsage},
	} {
		for _, from := range []string{"environment", "token", "file", "command", "historical"} {
			for _, output := range []string{"--output=text", "--output=json"} {
				args := append([]string{"push", output, "--retry-for=0", "--to", "tupkg://me@" + s.addr}, c.args...)
				sh := shell{vars: map[string]string{"HOME": home, "XDG_STATE_HOME": home}}
				write := func(name, text string) {
					if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				_ = os.Remove(filepath.Join(home, ".tupkg"))
				switch from {
				case "environment":
					sh.vars[passwordVariable] = c.password
				case "token":
					sh.vars[tokenVariable] = c.password
				case "file":
					write(file, c.password)
					args = append(args, "--password-file", file)
				case "command":
					write(file, c.password)
					args = append(args, "--password-command", "cat '"+file+"'")
				case "historical":
					host, port, _ := net.SplitHostPort(s.addr)
					write(filepath.Join(home, ".tupkg"), "[tupkg]\nusername=me\nhost="+host+"\nport="+port+"\npassword="+c.password+"\n")
				}
				got := sh.run(args...)
				for where, text := range map[string]string{"standard output": got.stdout, "standard error": got.stderr} {
					if secret := secretIn(text, servePassword, wrong); secret != "" {
						t.Errorf("%v from the %s: %s shows %s:\n%s", c.args, from, where, secret, text)
					}
				}
				if from == "environment" && got.code != c.code {
					t.Errorf("%v: exit %d, want %d\n%s", c.args, got.code, c.code, got.stderr)
				}
			}
		}
	}
	_ = os.Remove(file)
	_ = os.Remove(filepath.Join(home, ".tupkg"))
	for _, dir := range []string{home, at} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if secret := secretIn(mustRead(t, path), servePassword, wrong); secret != "" {
					t.Errorf("%s holds %s", path, secret)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if secret := secretIn(s.stderr.String(), servePassword, wrong); secret != "" {
		t.Errorf("the server's log shows %s", secret)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}

// secretIn is the first secret in a text, whole, escaped or in part.
func secretIn(text string, secrets ...string) string {
	for _, secret := range secrets {
		for _, form := range []string{secret, strings.NewReplacer("%", "%25", "+", "%2B").Replace(secret), secret[:6]} {
			if strings.Contains(text, form) {
				return form
			}
		}
	}
	return ""
}

// TestInterruptedAtAServer: Ctrl-C ends a push that waits for a server, and prints the
// command that goes on. The password is in no list of processes.
func TestInterruptedAtAServer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(servePassword), 0o600); err != nil {
		t.Fatal(err)
	}
	target := "tupkg://me@" + silent.Addr().String()
	p := startPipe(t, "mmpush", "push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", target, "--password-file", file)
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadFile("/proc/self/stat"); err == nil && len(list) > 0 {
		line := mustRead(t, filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "cmdline"))
		if strings.Contains(line, servePassword) || !strings.Contains(line, "--password-file") {
			t.Errorf("the list of processes shows %q", line)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _, code := p.wait(); code != exitStopped {
		t.Errorf("exit %d", code)
	}
	if told := p.stderr.String(); !strings.Contains(told, "run the same command again") || !strings.Contains(told, "--to "+target) || strings.Contains(told, servePassword) {
		t.Errorf("told:\n%s", told)
	}
}
