package tupkg

import (
	"context"
	"slices"
)

// Start is how a connection comes to speak version 2.
type Start int

const (
	// StartInBand asks for it in a login of version 1. The password is on its way
	// before the answer: for loopback only.
	StartInBand Start = iota
	// StartLogin: the connection chose version 2 by ALPN; a LOGIN follows.
	StartLogin
	// StartSession: version 2 is certain and the server knows who it is, as over SSH.
	StartSession
)

// ConnectOptions are what a client of version 2 can be told.
type ConnectOptions struct {
	Options
	Credentials
	Start Start
}

// Client is a connection of version 2. Its methods are for one goroutine.
type Client struct {
	*wire2
	welcome welcomeMessage
	last    uint32
	// over is why the connection takes no more uploads.
	over error
}

// clientAhead is more than an upload has messages that are not PROGRESS, so that the
// client's reader never waits while the client writes.
const clientAhead = 4

// Connect logs in. ctx bounds the login only. When it fails, the connection is closed;
// [ErrVersion] says that the server took an in-band login in version 1.
func Connect(ctx context.Context, conn Conn, o ConnectOptions) (*Client, error) {
	l := newLine(ctx, conn, o.Options)
	welcome, err := l.connect(o)
	if err != nil {
		l.stop()
		l.hangUp()
		return nil, l.blame(ctx, err)
	}
	if !l.stop() {
		l.hangUp()
		return nil, l.blame(ctx, context.Cause(ctx))
	}
	return &Client{wire2: startWire2(l, clientAhead), welcome: welcome}, nil
}

// connect has the conversation up to the WELCOME.
func (l *line) connect(o ConnectOptions) (w welcomeMessage, err error) {
	switch o.Start {
	case StartInBand:
		err = l.inBand(o.Credentials)
	case StartLogin:
		wire := &wire2{line: l}
		err = wire.send(kindLogin, loginMessage2{User: o.User, Password: string(o.Password), Agent: o.Agent})
	}
	if err != nil {
		return w, err
	}
	m, err := readMessage2(l.Conn, frameBytes, nil)
	if err != nil {
		return w, noEOF(err)
	}
	if m.kind == kindError {
		var e errorMessage
		if err := decode(m, &e); err != nil {
			return w, err
		}
		return w, e.refusal()
	}
	if m.kind != kindWelcome {
		return w, fault(m.kind.String(), "a %s was expected", kindWelcome)
	}
	if err := decode(m, &w); err == nil && w.Version == 2 {
		return w, nil
	}
	return w, fault("WELCOME", "it is not the one of version 2")
}

// inBand asks for version 2 in a login of version 1.
func (l *line) inBand(c Credentials) error {
	if err := l.say(loginMessage(c.User, c.Password) + "&tupkg=2"); err != nil {
		return err
	}
	body, err := l.message(MaxMessage)
	if err != nil {
		return noEOF(err)
	}
	m, err := parseReply(body, 0)
	switch {
	case err != nil:
		return err
	case m.raw["result"] != "PASS":
		return fault("the answer to the login", "there is no result in it")
	case m.raw["tupkg"] != "2":
		return ErrVersion
	}
	return nil
}

// Architectures are those that the server publishes for; nil if it does not say.
func (c *Client) Architectures() []string { return slices.Clone(c.welcome.Architectures) }

// Close ends the connection.
func (c *Client) Close() error {
	c.end()
	return nil
}
