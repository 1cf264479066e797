package tupkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Credentials are what a client logs in with. A token stands in Password.
type Credentials struct {
	User     string
	Password Password
}

// UploadOptions are what a client of version 1 can be told.
type UploadOptions struct {
	Options
	Credentials
	// Dialect is the server's; [Probe] finds it out.
	Dialect Dialect
	// WantReason sends the key that makes a server of ours say why a file failed.
	WantReason bool
	// Progress is called after the offers and after each chunk; nil is allowed.
	Progress func(Progress)
}

// Result is what came of an upload.
type Result struct {
	Verdict
	// Sent are the bytes of file data that this connection carried; Skipped those
	// that the server held already.
	Sent, Skipped int64
	// Reason is the server's, if it gave one.
	Reason string
}

// Upload has one session of version 1 as the client: login, declaration, the bytes
// that the server misses, results, ack. It closes conn, however it ends.
//
// A file that did not pass is no error but in the Result. A *[Refusal] says that the
// server took no login, or no declaration; a *[BrokenError] can be resumed by another
// Upload; a *[ProtocolError] cannot. The files have to fit one message: see [Split].
func Upload(ctx context.Context, conn Conn, files []File, o UploadOptions) (Result, error) {
	c := &uploading{line: newLine(ctx, conn, o.Options), o: o, files: files}
	defer c.stop()
	defer c.hangUp()
	if err := c.check(); err != nil {
		return Result{}, err
	}
	err := c.login()
	if err == nil {
		err = c.session(ctx)
	}
	c.result.Sent = c.data
	return c.result, c.blame(ctx, err)
}

// Probe has a session without files, and so finds out which dialect a server speaks.
// It closes conn.
func Probe(ctx context.Context, conn Conn, o UploadOptions) (Dialect, error) {
	c := &uploading{line: newLine(ctx, conn, o.Options), o: o}
	defer c.stop()
	defer c.hangUp()
	err := c.login()
	if err == nil {
		err = c.session(ctx)
	}
	return c.dialect, c.blame(ctx, err)
}

// uploading is one conversation of version 1, at the client's end.
type uploading struct {
	*line
	o      UploadOptions
	files  []File
	held   []int64
	result Result
	// dialect is the one that the results were in.
	dialect Dialect
	// answer receives the server's results, which may come before their time.
	answer chan answer
}

type answer struct {
	body []byte
	err  error
}

// check finds what could not be declared, before anything is sent.
func (c *uploading) check() error {
	if err := checkFiles(c.files); err != nil {
		return err
	}
	for _, f := range c.files {
		if len(f.MD5) != 32 || !isHex(f.MD5) {
			return fmt.Errorf("%w: %s: %s is not an MD5 in hexadecimal", ErrLocal, shown(f.Name), shown(f.MD5))
		}
	}
	if n := len(metadataMessage(c.files, c.o.Dialect, c.o.WantReason)); n > MaxMessage {
		return fmt.Errorf("%w: the declaration of %d files has %d bytes; one session takes at most %d", ErrLocal, len(c.files), n, MaxMessage)
	}
	return nil
}

func (c *uploading) login() error {
	if err := c.say(loginMessage(c.o.User, c.o.Password)); err != nil {
		return err
	}
	body, err := c.message(MaxMessage)
	if err != nil {
		return noEOF(err)
	}
	m, err := parseReply(body, 0)
	if err == nil && m.raw["result"] == "" {
		err = fault("the answer to the login", "there is no result in it")
	}
	return err
}

func (c *uploading) session(ctx context.Context) error {
	c.enter(PhaseMetadata)
	if err := c.say(metadataMessage(c.files, c.o.Dialect, c.o.WantReason)); err != nil {
		return err
	}
	c.enter(PhaseOffers)
	body, err := c.message(MaxMessage)
	if err != nil {
		return noEOF(err)
	}
	if c.held, err = parseOffers(body, c.files, c.o.Dialect); err != nil {
		return err
	}
	for _, n := range c.held {
		c.result.Skipped += n
	}
	c.enter(PhaseData)
	c.answer = make(chan answer, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		body, err := c.message(MaxMessage)
		c.answer <- answer{body, err}
	}()
	defer func() {
		c.hangUp()
		<-read
	}()
	return c.finish(c.sendAll(ctx))
}

// finish reads the results. sent is how the sending ended: when the server has hung
// up on it, an answer may be there nevertheless, and says more.
func (c *uploading) finish(sent error) error {
	early := errors.Is(sent, errAnswered)
	if sent != nil && !early {
		if errors.Is(sent, ErrLocal) || !c.lastAnswer() {
			return sent
		}
		early = true
	}
	if !early {
		c.enter(PhaseVerdict)
	}
	a := <-c.answer
	c.answer <- a
	if a.err != nil {
		return noEOF(a.err)
	}
	r, err := parseResults(a.body, len(c.files))
	if err != nil {
		return err
	}
	c.result.Files, c.result.Reason, c.dialect = r.files, r.reason, r.dialect
	if early {
		return c.stopped()
	}
	c.enter(PhaseAck)
	return c.say(ack)
}

// stopped judges results that came before all bytes were sent: they can only be a no.
func (c *uploading) stopped() error {
	if c.result.Pass() {
		return fault("the results", "the server passes files whose bytes were not sent yet")
	}
	reason := c.result.Reason
	if reason == "" {
		reason = "it gave its results before all bytes were sent"
	}
	return &Refusal{Code: CodeRefused, Reason: reason}
}

// lastAnswer waits a little for an answer of a server that takes no more data.
func (c *uploading) lastAnswer() bool {
	limit := time.NewTimer(c.line.o.DrainTime)
	defer limit.Stop()
	select {
	case a := <-c.answer:
		c.answer <- a
		return a.err == nil
	case <-limit.C:
		return false
	}
}

// errAnswered: the server answered before its time.
var errAnswered = errors.New("the server has answered already")

const chunkBytes = 128 << 10

// sendAll writes the missing bytes of all files as one stream.
func (c *uploading) sendAll(ctx context.Context) error {
	p := sending{report: c.o.Progress, total: total(c.files), skipped: c.result.Skipped}
	p.tell("", 0)
	buf := make([]byte, chunkBytes)
	for i, f := range c.files {
		for at := c.held[i]; at < f.Size; {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.answered() {
				return errAnswered
			}
			chunk, err := readChunk(f, at, buf)
			if err != nil {
				return err
			}
			n, err := c.Write(chunk)
			c.data += int64(n)
			at += int64(n)
			if err != nil {
				return err
			}
			p.tell(f.Name, c.data)
		}
	}
	return nil
}

// answered reports whether something came from the server; it stays there.
func (c *uploading) answered() bool { return len(c.answer) > 0 }

// readChunk reads what fits into buf of a file, from at on.
func readChunk(f File, at int64, buf []byte) ([]byte, error) {
	buf = buf[:min(int64(len(buf)), f.Size-at)]
	n, err := f.Content.ReadAt(buf, at)
	if n == len(buf) {
		return buf, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: it has %d bytes; %d were declared", ErrLocal, f.Name, at+int64(n), f.Size)
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrLocal, f.Name, err)
}

func total(files []File) int64 {
	var n int64
	for _, f := range files {
		n += f.Size
	}
	return n
}

// sending tells the progress of one upload.
type sending struct {
	report         func(Progress)
	total, skipped int64
}

func (s sending) tell(file string, sent int64) {
	if s.report != nil {
		s.report(Progress{Stage: "send", File: file, Done: sent, Total: s.total, Skipped: s.skipped})
	}
}
