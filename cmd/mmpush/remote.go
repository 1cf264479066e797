package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// remoteFlags are those of a target on another machine.
type remoteFlags struct {
	User string `placeholder:"NAME" help:"Who you are at the server. Default: the target's user, $$MMPUSH_USER, the configuration."`
	passwordFlags
	AllowPlaintextPasswords bool          `help:"Send the password to another machine over a connection that everybody on the way can read."`
	RetryFor                time.Duration `setting:"retry-for" default:"2m" placeholder:"DURATION" help:"How long to try again when a connection is lost and nothing gets through. Default: 2m."`
}

// given is the first flag that needs a server; empty if there is none.
func (f remoteFlags) given() string {
	switch {
	case f.User != "":
		return "--user"
	case f.PasswordFile != "":
		return "--password-file"
	case f.PasswordCommand != "":
		return "--password-command"
	case f.AllowPlaintextPasswords:
		return "--allow-plaintext-passwords"
	}
	return ""
}

// patience is how long a lost connection is tried again.
func (f remoteFlags) patience() tupkg.Patience {
	if f.RetryFor == 0 {
		return tupkg.Patience{For: -1}
	}
	return tupkg.Patience{For: f.RetryFor}
}

// tokenVariable is the variable of the environment that may hold a token; it is sent
// where a password would be.
const tokenVariable = "MMPUSH_TOKEN"

// credentials are the first that there are of: the flags, the target, the environment,
// the historical client's file, the terminal.
func (d destination) credentials(ctx context.Context, a *app, s tupkg.Server, old tupkg.Historical) (wire.Credentials, error) {
	f := d.remote
	old = old.For(s)
	c := wire.Credentials{User: cmp.Or(f.User, s.User, a.config.ValueFor(d.named, "user").Text, old.User)}
	if c.User == "" {
		return c, tupkg.NoCredentials(s, "")
	}
	if a.Getenv(tokenVariable) == "" && a.Getenv(passwordVariable) == "" {
		f.passwordFlags = d.configured(a, f.passwordFlags)
	}
	if err := d.trusted(a, f.passwordFlags); err != nil {
		return c, err
	}
	if f.PasswordFile == "" && f.PasswordCommand == "" {
		if token := a.Getenv(tokenVariable); token != "" {
			text, err := onePassword("$"+tokenVariable, []byte(token))
			c.Password = wire.Password(text)
			return c, err
		}
		if a.Getenv(passwordVariable) == "" {
			var err error
			if c.Password, err = old.Password(c.User); err != nil || c.Password != "" {
				return c, err
			}
			if a.Ask == nil {
				return c, tupkg.NoCredentials(s, c.User)
			}
		}
	}
	secret, err := f.password(ctx, a, fmt.Sprintf("Password of %s at %s", visible(c.User), visible(s.Address())), false)
	c.Password = wire.Password(secret.Reveal())
	return c, err
}

// configured adds the file or the program that the configuration has a password in, if
// the flags name none.
func (d destination) configured(a *app, f passwordFlags) passwordFlags {
	if f.PasswordFile != "" || f.PasswordCommand != "" {
		return f
	}
	file, command := a.config.ValueFor(d.named, "password-file"), a.config.ValueFor(d.named, "password-command")
	if command.Text != "" && (file.Text == "" || command.Origin.Level < file.Origin.Level) {
		f.PasswordCommand = command.Text
		return f
	}
	f.PasswordFile = file.Path()
	return f
}

// trusted refuses to send a password that is at hand to a server that only a project's
// file names: that may be a stranger's. A person who is asked for it sees the server.
func (d destination) trusted(a *app, f passwordFlags) error {
	atHand := f.PasswordFile != "" || f.PasswordCommand != "" || a.Getenv(tokenVariable) != "" || a.Getenv(passwordVariable) != ""
	if !atHand || d.origin.Level != config.Project {
		return nil
	}
	return &report.Error{
		Stage: "login", Code: report.CodeConfig, Kind: report.KindUsage, File: d.origin.String(),
		Err:  errors.New("only this file of the project names the server; no password is sent there"),
		Hint: "if it is the right server, say so: --to " + d.target.URL.String() + ", or MMPUSH_TO, or a target in your own configuration",
	}
}

// openTupkg prepares the way to a server. The password is asked for now, once for all
// uploads.
func openTupkg(ctx context.Context, a *app, d destination) (opened, func(), error) {
	s, err := tupkg.ParseServer(d.target)
	if err != nil {
		return nil, nil, err
	}
	old, err := tupkg.ReadHistorical(filepath.Join(a.home(), ".tupkg"))
	if err != nil && s.Host == "" {
		return nil, nil, err
	}
	if s, err = old.Complete(s); err != nil {
		return nil, nil, err
	}
	c, err := d.credentials(ctx, a, s, old)
	if err != nil {
		return nil, nil, err
	}
	s.User = c.User
	memory, done := a.memory()
	return func(o transport.Options) transport.Transport {
		return &tupkg.Transport{
			Server: s, Credentials: c, AllowPlaintext: d.remote.AllowPlaintextPasswords, Memory: memory,
			Agent: "mmpush/" + thisBuild().Version, Patience: d.remote.patience(), Options: o,
		}
	}, done, nil
}

// home is the user's home folder.
func (a *app) home() string { return cmp.Or(a.Getenv("HOME"), a.Getenv("USERPROFILE")) }

// memory is the folder in which is remembered what servers speak. Without one the push
// goes on, and says so.
func (a *app) memory() (tupkg.Memory, func()) {
	none := tupkg.Memory{}
	at := a.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(at) {
		if a.home() == "" {
			return none, func() {}
		}
		at = filepath.Join(a.home(), ".local", "state")
	}
	at = filepath.Join(at, "mmpush", "servers")
	err := os.MkdirAll(at, 0o700)
	var folder *vfs.Dir
	if err == nil {
		folder, err = vfs.OpenDir(at)
	}
	if err != nil {
		a.err.message(caution, "warning", fmt.Sprintf("what is learned about the server cannot be remembered: %v", err))
		return none, func() {}
	}
	return tupkg.Memory{FS: a.folder(folder)}, func() { _ = folder.Close() }
}
