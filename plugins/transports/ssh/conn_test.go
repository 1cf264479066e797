package ssh_test

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

func dialer(t *testing.T, s *sshtest.Server, told io.Writer) ssh.Dialer {
	t.Helper()
	u, err := url.Parse(s.URL("ssh", "/"))
	if err != nil {
		t.Fatal(err)
	}
	target, err := ssh.ParseTarget(u)
	if err != nil {
		t.Fatal(err)
	}
	return ssh.Dialer{Command: ssh.Command{Words: s.Words}, Target: target, Told: told}
}

// TestWordsArrive: the other side's sshd and shell hand the words over as they are.
func TestWordsArrive(t *testing.T) {
	t.Parallel()
	s := sshtest.Start(t, "")
	c, err := dialer(t, s, nil).Run(append([]string{"printf", `W\0%s\n`}, hostile()...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	var want string
	for _, w := range hostile() {
		want += "W\x00" + w + "\n"
	}
	if string(got) != want {
		t.Errorf("arrived: %q\nwant     %q", got, want)
	}
}

// TestEcho: a conversation in both directions, with a half-close.
func TestEcho(t *testing.T) {
	t.Parallel()
	c, err := dialer(t, sshtest.Start(t, ""), nil).Run("cat")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := append([]byte{'W', 0}, bytes.Repeat([]byte("0123456789abcdef"), 1<<16)...)
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// TestCloseEnds: Close ends a Read, and ssh.
func TestCloseEnds(t *testing.T) {
	t.Parallel()
	c, err := dialer(t, sshtest.Start(t, ""), nil).Run("cat")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 10))
		ended <- err
	}()
	c.Close()
	c.Close()
	if err := <-ended; err == nil {
		t.Error("the Read gave bytes")
	}
}

// TestFailures: what ssh or the other side says arrives as it is, and what
// trying again does not help has the exit code that it means.
func TestFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// wrong makes something wrong.
		wrong func(t *testing.T, s *sshtest.Server, d *ssh.Dialer)
		words []string
		kind  report.Kind
		code  report.Code
		says  string
		hint  string
	}{
		{name: "wrong key", wrong: func(t *testing.T, s *sshtest.Server, _ *ssh.Dialer) { s.Authorize(t, "stranger", "") },
			kind: report.KindDenied, code: report.CodeLogin, says: "ssh: ", hint: "authorized_keys"},
		{name: "changed host key", wrong: func(t *testing.T, s *sshtest.Server, _ *ssh.Dialer) { s.Trust(t, "other-host") },
			kind: report.KindDenied, code: report.CodeLogin, says: "Host key verification failed", hint: "is a new one"},
		{name: "unknown host key", wrong: func(t *testing.T, s *sshtest.Server, _ *ssh.Dialer) { s.Port = 1; s.Trust(t, "host") },
			kind: report.KindDenied, code: report.CodeLogin, says: "Host key verification failed", hint: "known_hosts"},
		{name: "nobody listens", wrong: func(_ *testing.T, _ *sshtest.Server, d *ssh.Dialer) { d.Target.Port = 1 },
			says: "Connection refused"},
		{name: "no such host", wrong: func(_ *testing.T, _ *sshtest.Server, d *ssh.Dialer) { d.Target.Host = "no-such-host.invalid" },
			says: "Could not resolve"},
		{name: "no mmpush there", words: []string{"/nowhere/mmpush", "receive"},
			kind: report.KindUsage, code: report.CodeRemote, says: "cannot run mmpush", hint: "install mmpush"},
		{name: "no mmpush in the path", words: []string{"no-such-mmpush", "receive"},
			kind: report.KindUsage, code: report.CodeRemote, says: "not found", hint: "MMPUSH_REMOTE"},
		{name: "older mmpush", words: []string{"sh", "-c", "echo 'mmpush: error: unexpected argument receive' >&2; exit 2"},
			kind: report.KindUsage, code: report.CodeRemote, says: "unexpected argument receive", hint: "or newer"},
		{name: "a shell that talks", words: []string{"echo", "Welcome to this machine"},
			kind: report.KindUsage, code: report.CodeRemote, says: `"Welcome to this machine"`, hint: ".bashrc"},
		{name: "ends in the middle", words: []string{"sh", "-c", `printf 'W\0'; echo no >&2; exit 3`},
			says: "exit code 3: no"},
		{name: "no ssh", wrong: func(_ *testing.T, _ *sshtest.Server, d *ssh.Dialer) { d.Command.Words = []string{"no-such-ssh"} },
			kind: report.KindUsage, code: report.CodeUsage, says: "cannot be started", hint: "MMPUSH_SSH_COMMAND"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.Start(t, "")
			var told bytes.Buffer
			d := dialer(t, s, &told)
			if tt.wrong != nil {
				tt.wrong(t, s, &d)
			}
			words := tt.words
			if words == nil {
				words = []string{"cat"}
			}
			c, err := d.Run(words...)
			if err == nil {
				_, err = io.ReadAll(c)
				c.Close()
			}
			e, final := errors.AsType[*report.Error](err)
			if final != (tt.code != "") || err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "ssh: ssh:") {
				t.Errorf("%#v\n%v\ntold: %s", e, err, told.String())
			}
			if final && (e.Kind != tt.kind || e.Code != tt.code || !strings.Contains(e.Hint, tt.hint)) {
				t.Errorf("%#v", e)
			}
		})
	}
}

// TestTold: what is said reaches the user as it comes, without what acts on a terminal.
func TestTold(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	c, err := dialer(t, sshtest.Start(t, ""), &told).Run("printf", `W\0`)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(c)
	c.Close()
	c, err = dialer(t, sshtest.Start(t, ""), &told).Run("sh", "-c", `printf 'W\0'; printf 'one\033[2J\ntwo' >&2`)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
	c.Close()
	if told.String() != "one?[2J\ntwo\n" {
		t.Errorf("told: %q", told.String())
	}
}

// TestNoOption: a path that looks like an option of ssh, or a file of that name, is
// nothing but a word.
func TestNoOption(t *testing.T) {
	t.Parallel()
	s := sshtest.Start(t, "")
	proof := filepath.Join(t.TempDir(), "proof")
	c, err := dialer(t, s, nil).Run("printf", `W\0%s`, "-oProxyCommand=touch "+proof)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "W\x00-oProxyCommand=touch "+proof {
		t.Errorf("%q %v", got, err)
	}
	if _, err := os.Lstat(proof); err == nil {
		t.Error("it was run")
	}
}
