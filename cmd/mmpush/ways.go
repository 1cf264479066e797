package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/plugins/transports/sftp"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// sshFlags say how push gets to another machine by ssh.
type sshFlags struct {
	Wait       bool          `help:"Wait for the verdict of a drop folder (sftp://), or for the other parts of a set; without it, push ends with 8 when the files are there."`
	WaitTime   time.Duration `default:"30m" placeholder:"DURATION" help:"How long --wait waits. Default: 30m."`
	SSHCommand *string       `name:"ssh-command" placeholder:"COMMAND" help:"The ssh program with its first arguments, such as \"ssh -i KEY\"; no shell reads it. Default: $$MMPUSH_SSH_COMMAND, else ssh."`
	Remote     *string       `placeholder:"PROGRAM" help:"The mmpush program on the other side of ssh://. Default: $$MMPUSH_REMOTE, else mmpush."`
}

// given is the first flag that needs ssh; empty if there is none.
func (f sshFlags) given() string {
	switch {
	case f.Wait:
		return "--wait"
	case f.SSHCommand != nil:
		return "--ssh-command"
	case f.Remote != nil:
		return "--remote"
	}
	return ""
}

// openSSH makes the transport to a repository behind ssh.
func openSSH(_ context.Context, a *app, d destination) (opened, func(), error) {
	by, done, err := a.dialer(d)
	if err != nil {
		return nil, nil, err
	}
	return func(o transport.Options) transport.Transport {
		return &ssh.Transport{
			Dialer: by, Remote: d.setting(a, d.ssh.Remote, "remote"), Name: d.target.URL.Redacted(), Agent: agent(),
			Options: o, Patience: d.remote.patience(),
		}
	}, done, nil
}

// openSFTP makes the transport to a drop folder behind ssh.
func openSFTP(_ context.Context, a *app, d destination) (opened, func(), error) {
	by, done, err := a.dialer(d)
	if err != nil {
		return nil, nil, err
	}
	wait := time.Duration(0)
	if d.ssh.Wait {
		wait = d.ssh.WaitTime
	}
	if wait < 0 || d.ssh.Wait && wait == 0 {
		done()
		return nil, nil, wrongUsage("give a time such as 30m", "--wait-time=%s: a time is more than nothing", d.ssh.WaitTime)
	}
	return func(o transport.Options) transport.Transport {
		return &sftp.Transport{Dialer: by, Name: d.target.URL.Redacted(), Wait: wait, Options: o}
	}, done, nil
}

// dialer knows how to run ssh to a target. The caller calls done at the end.
func (a *app) dialer(d destination) (by ssh.Dialer, done func(), err error) {
	by = ssh.Dialer{Told: stderrLines{a.err}, Environ: withoutSecrets(a.Environ)}
	if flag := d.remote.given(); flag != "" {
		return by, nil, wrongUsage("leave it out: the user stands in the target, and ssh asks for what it needs", "%s does not go with ssh", flag)
	}
	if by.Target, err = ssh.ParseTarget(d.target.URL); err != nil {
		return by, nil, wrongUsage("write "+d.target.Scheme+"://[USER@]HOST[:PORT]/PATH, or /~/PATH for the home folder there", "the target: %w", err)
	}
	line := d.setting(a, d.ssh.SSHCommand, "ssh-command")
	if line != "" || d.ssh.SSHCommand != nil {
		if by.Command, err = ssh.ParseCommand(line); err != nil {
			return by, nil, wrongUsage(`write it as for a shell, such as "ssh -i 'my key'"; nothing of it is expanded`, "the ssh command %q: %w", visible(line), err)
		}
	}
	if a.runner != nil {
		by.Options = append(by.Options, "-oBatchMode=yes")
	}
	options, done, err := a.sshFiles()
	if err != nil {
		return by, nil, &report.Error{Stage: "ssh", Code: report.CodeDisk, Err: err, Hint: "TMPDIR names the folder for files of a moment"}
	}
	by.Options = append(by.Options, options...)
	return by, done, nil
}

// stderrLines passes on what ssh says.
type stderrLines struct{ p *printer }

var _ io.Writer = stderrLines{}

func (s stderrLines) Write(p []byte) (int, error) {
	clear := ""
	if s.p.terminal {
		// A bar may be on the line.
		clear = "\r\x1b[K"
	}
	s.p.raw(clear + visible(strings.TrimSuffix(string(p), "\n")) + "\n")
	return len(p), nil
}
