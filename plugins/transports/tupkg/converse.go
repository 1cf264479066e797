package tupkg

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

// Options are how one upload is sent.
type Options struct {
	transport.Options
	// Login is how a connection begins: [wire.StartSession] where something else has
	// said who the client is, as SSH does; else with credentials.
	Login wire.ConnectOptions
	// Target names the server, for messages and the report.
	Target string
	// Reach is the hint if the server is not reached, or does not speak the protocol;
	// empty is one about the host and the port of a tupkg server.
	Reach string
	// Patience is how long a lost connection is tried again.
	Patience Patience
	// VerifyAfter is how long the files of a large upload are sent before they are
	// verified here, too, beside the sending: 5 seconds. What has arrived sooner, the
	// server has verified about as soon.
	VerifyAfter time.Duration
}

// Phased is what a connection can be if it has deadlines: it is told each phase of the
// conversation before its first byte.
type Phased interface {
	Enter(wire.Phase)
}

// conversation is one upload on its way, over one connection or several.
type conversation struct {
	u upload.Upload
	o Options
	// set is what is declared; notes are what the verifying of the files has found.
	set   *wire.Set
	files *files
	notes []report.Finding
	// checking verifies the files if it comes to that; nil if they are verified.
	checking *checking
	acquaintance
	// sent counts the bytes of file data over all connections, skipped those that the
	// first offer did not ask for; it is -1 before.
	sent, skipped int64
	// base is sent at the start of the connection.
	base int64
}

func newConversation(u upload.Upload, o Options) *conversation {
	return &conversation{u: u, o: o, skipped: -1, files: &files{u: u}}
}

func (c *conversation) close() {
	if c.checking != nil {
		c.checking.stop()
	}
	c.files.close()
}

// once has the conversation on one connection. Its errors are those of the wire.
func (c *conversation) once(ctx context.Context, conn io.ReadWriteCloser) (report.Report, error) {
	login := c.o.Login
	if p, ok := conn.(Phased); ok {
		login.Phase = p.Enter
	}
	client, err := wire.Connect(ctx, conn, login)
	if err != nil {
		return report.Report{}, err
	}
	defer client.Close()
	c.met = true
	if c.set == nil {
		set, found, err := c.prepare(ctx, client.Architectures())
		if err != nil {
			return report.Report{}, err
		}
		if report.Refused(found) {
			return c.refused(found), nil
		}
		c.set, c.notes = set, found
	}
	c.base = c.sent
	result, err := client.Push(ctx, *c.set)
	c.sent = c.base + result.Sent
	if errors.Is(err, errRefused) {
		return c.refused(c.checking.found), nil
	}
	if err != nil {
		return report.Report{}, c.ownFault(err)
	}
	if c.checking != nil && result.Report.Result == report.Rejected && errors.Is(c.checking.verdict(), errRefused) {
		// What is wrong with the files that are here is more than what the server can
		// say of what it got.
		return c.refused(c.checking.found), nil
	}
	if c.checking != nil && c.checking.over() && c.checking.verdict() == nil {
		c.notes = c.checking.found
	}
	return c.answer(result)
}

// ownFault is what the verifying ran into, if that is why the sending has ended.
func (c *conversation) ownFault(err error) error {
	if own, ok := errors.AsType[*report.Error](err); ok {
		return own
	}
	return err
}

// refused is the report of an upload that was not sent, or not to its end.
func (c *conversation) refused(found []report.Finding) report.Report {
	return report.Report{
		Schema: report.Schema, Result: report.Rejected, Manifest: c.u.Name, Repository: c.o.Target, Findings: found,
	}
}

// told passes the progress of one connection on, as that of the whole upload: what an
// earlier connection has carried was sent, not skipped.
func (c *conversation) told(p wire.Progress) {
	if c.o.Sending == nil {
		return
	}
	s := transport.Sending{Stage: p.Stage, File: p.File, Number: c.number(p.File), Files: len(c.set.Files), Skipped: max(0, c.skipped)}
	if p.Stage == "send" {
		if c.skipped < 0 {
			c.skipped = p.Skipped
		}
		s.Stage, s.Skipped = "", c.skipped
		s.Done, s.Total = p.Skipped-c.skipped+p.Done, p.Total-c.skipped
	} else {
		s.Done, s.Total = p.Done, p.Total
	}
	c.o.Sending(s)
}

// number is the place of a file, from 1; 0 is unknown.
func (c *conversation) number(name string) int {
	for i, f := range c.set.Files {
		if f.Name == name {
			return i + 1
		}
	}
	return 0
}

// notice tells the user something on the way.
func (c *conversation) notice(text string) {
	if c.o.Notice != nil {
		c.o.Notice(text)
	}
}
