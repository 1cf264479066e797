package ssh

import (
	"cmp"
	"io"
	"slices"
	"time"
)

// Dialer runs ssh to one target.
type Dialer struct {
	Command Command
	Target  Target
	// Options are further options of ssh, behind those that the command has.
	Options []string
	// Environ is the environment of ssh; nil is ours.
	Environ []string
	// Told gets the lines that ssh and the other side write on standard error, as
	// they come and without control characters; nil is allowed.
	Told io.Writer
	// Login is how long the rest of the other side's greeting may take: 1 minute.
	Login time.Duration
}

// Run has the other side run mmpush, whose first bytes are those of a conversation of
// version 2. The words arrive there as they are. The caller closes the Conn.
func (d Dialer) Run(words ...string) (*Conn, error) {
	c, err := d.start(nil, QuoteAll(words...))
	if err != nil {
		return nil, err
	}
	c.check = c.checkGreeting
	c.login = cmp.Or(d.Login, loginTime)
	return c, nil
}

// Subsystem has the other side's sshd run one of its subsystems, such as sftp.
func (d Dialer) Subsystem(name string) (*Conn, error) {
	return d.start([]string{"-s"}, name)
}

func (d Dialer) start(options []string, command string) (*Conn, error) {
	options = append(slices.Clone(d.Options), options...)
	return start(d.Target, d.Command.args(d.Target, options, command), d.Environ, d.Told)
}
