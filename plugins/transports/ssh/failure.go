package ssh

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

const stage = "ssh"

// cannotStart is about a machine without ssh.
func (c *Conn) cannotStart(err error) error {
	return &report.Error{
		Stage: stage, Code: report.CodeUsage, Kind: report.KindUsage, Err: fmt.Errorf("ssh cannot be started: %w", err),
		Hint: "install OpenSSH's client, or name another one in MMPUSH_SSH_COMMAND",
	}
}

const (
	// exitSSH is what ssh itself exits with when it fails.
	exitSSH = 255
	// What a shell exits with for a program that is not there, or cannot be run.
	exitNotThere, exitNotRun = 127, 126
)

// failure is why ssh has ended, nil if it ended well. ssh must have exited. What
// trying again does not help is a *[report.Error].
func (c *Conn) failure() error {
	code, lines := c.cmd.ProcessState.ExitCode(), c.said.lines()
	said := strings.Join(lines, "\n")
	last := ""
	if len(lines) > 0 {
		last = lines[len(lines)-1]
	}
	switch {
	case code == exitSSH:
		return sshFailed(last, said)
	case c.heard.Load() && code == 0:
		return nil
	case c.heard.Load():
		return fmt.Errorf("the program on %s ended with exit code %d%s", c.target, code, quoted(last))
	case code == exitNotThere || code == exitNotRun || strings.Contains(strings.ToLower(said), "not found"):
		return c.remote(fmt.Errorf("%s cannot run mmpush%s", c.target, quoted(last)))
	}
	return c.remote(fmt.Errorf("the program on %s ended with exit code %d and had no conversation%s", c.target, code, quoted(last)))
}

func quoted(last string) string {
	if last == "" {
		return ""
	}
	return ": " + last
}

// sshFailed passes on what ssh says. That it may not go in is final; every other
// failure is one of the connection, which another one may not have.
func sshFailed(last, said string) error {
	if last == "" {
		last = "it ended and does not say why"
	}
	err := errors.New("ssh: " + strings.TrimPrefix(last, "ssh: "))
	for _, d := range denials() {
		if strings.Contains(said, d.says) {
			return &report.Error{Stage: stage, Code: report.CodeLogin, Kind: report.KindDenied, Err: err, Hint: d.hint}
		}
	}
	return err
}

// denial is a sentence of OpenSSH that means: nobody lets you in, or you should not
// go in.
type denial struct{ says, hint string }

func denials() []denial {
	const key = "see with ssh -v which keys are offered; the server needs the public one in authorized_keys (mmpush receive --authorized-keys-line makes the line)"
	return []denial{
		{"HOST IDENTIFICATION HAS CHANGED", "ask who runs the server whether its key is a new one, and compare the fingerprint, before you remove the old key as ssh says"},
		{"Host key verification failed", "log in once with ssh and compare the fingerprint, or put the server's key into known_hosts"},
		{"Permission denied", key},
		{"Too many authentication failures", key},
		{"No supported authentication methods", key},
	}
}

// remote is about another side that does not speak with us.
func (c *Conn) remote(err error) error {
	return &report.Error{
		Stage: stage, Code: report.CodeRemote, Kind: report.KindUsage, Err: err,
		Hint: fmt.Sprintf("install mmpush on %s, of this version or newer, where a command over ssh finds it (see: ssh %s mmpush version), "+
			"or name it by MMPUSH_REMOTE; for a server without mmpush there is sftp:// with a drop folder", c.target, c.target),
	}
}

// checkGreeting refuses a first frame that is none: a shell that talks, or a program
// that is not mmpush.
func (c *Conn) checkGreeting(first []byte) error {
	kind := first[0] &^ 0x80
	if (kind == 'W' || kind == 'E') && (len(first) < 2 || first[1] == 0) {
		return nil
	}
	const enough = 200
	more, _ := io.ReadAll(io.LimitReader(c.out, enough))
	text := plain(string(first) + string(more))
	line, _, _ := strings.Cut(text, "\n")
	e := c.remote(fmt.Errorf("%s sent something else than the conversation: %q", c.target, line))
	if r, ok := errors.AsType[*report.Error](e); ok {
		r.Hint = "a start-up file of the shell there (such as .bashrc) must print nothing for a command over ssh; " + r.Hint
	}
	return e
}
