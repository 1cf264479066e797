package tupkg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Set is one upload of version 2.
type Set struct {
	Files []File
	// Manifest is the content of Files[ManifestFile], or nil; with it the server can
	// judge before the data.
	Manifest     []byte
	ManifestFile int
	DryRun       bool
	Wishes       Wishes
	// Progress is told what is sent and what the server does; nil is allowed.
	Progress func(Progress)
}

// Push has one upload. It returns when the server has told the verdict, which may be a
// rejection in the Result's Report; a *[Refusal] says that the server did not go as
// far. When ctx ends, the upload is cancelled, and what the server got, it keeps. After
// a refusal of one upload another Push can follow; after any other error the
// connection is of no more use.
func (c *Client) Push(ctx context.Context, set Set) (Result, error) {
	if c.over != nil {
		return Result{}, c.over
	}
	if err := checkFiles(set.Files); err != nil {
		return Result{}, err
	}
	p := &pushing{Client: c, set: set}
	c.last, c.data = c.last+1, 0
	stop := p.cancelWith(ctx)
	err := p.run(ctx)
	stop()
	p.result.Sent = c.data
	if err != nil {
		err = p.judge(ctx, err)
	}
	return p.result, err
}

// pushing is one upload at the client's end.
type pushing struct {
	*Client
	set    Set
	result Result
}

// judge says what an error means for the connection. errOver marks those of the whole
// connection.
func (p *pushing) judge(ctx context.Context, err error) error {
	told, refused := errors.AsType[*Refusal](err)
	if refused && told.Code == CodeCancelled && ctx.Err() != nil {
		return fmt.Errorf("the upload was stopped after %d bytes of file data: %w", p.data, context.Cause(ctx))
	}
	fatal := errors.Is(err, errOver)
	err = p.blame(ctx, err)
	if !refused && !errors.Is(err, ErrLocal) || fatal {
		p.over = err
		p.hangUp()
	}
	return err
}

// errOver is joined to a refusal that ends the connection.
var errOver = errors.New("the server ended the connection")

// cancelWith sends a CANCEL when ctx ends, and hangs up if that is of no use. The
// function that it returns waits until that is over.
func (p *pushing) cancelWith(ctx context.Context) func() {
	over := make(chan struct{})
	var running sync.WaitGroup
	running.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer running.Done()
		limit := time.AfterFunc(p.o.DrainTime, p.hangUp)
		defer limit.Stop()
		if p.send(kindCancel, cancelMessage{ID: p.last}) == nil {
			<-over
		}
	})
	return func() {
		close(over)
		if stop() {
			running.Done()
		}
		running.Wait()
	}
}

func (p *pushing) run(ctx context.Context) error {
	p.enter(PhaseMetadata)
	if err := p.declare(); err != nil {
		return err
	}
	p.enter(PhaseOffers)
	held, err := p.offers()
	if err != nil {
		return err
	}
	if !p.set.DryRun {
		p.enter(PhaseData)
		if err := p.sendAll(ctx, held); err != nil {
			return p.betterReason(err)
		}
	}
	p.enter(PhaseVerdict)
	m, err := p.await(kindVerdict)
	if err != nil {
		return err
	}
	var v verdictMessage
	if err := decode(m, &v); err != nil {
		return err
	}
	if v.ID != p.last || len(v.Files) != len(p.set.Files) {
		return fault("VERDICT", "it is of upload %d with %d files; upload %d has %d", v.ID, len(v.Files), p.last, len(p.set.Files))
	}
	p.result.Verdict = Verdict{Files: v.Files, Report: v.Report}
	return nil
}

// declare sends the UPLOAD.
func (p *pushing) declare() error {
	u := uploadMessage{
		ID: p.last, Files: make([]declaredFile, len(p.set.Files)), DryRun: p.set.DryRun,
		Manifest: p.set.Manifest, ManifestFile: p.set.ManifestFile, Wishes: p.set.Wishes,
	}
	for i, f := range p.set.Files {
		u.Files[i] = declaredFile{Name: f.Name, Size: f.Size, SHA256: strings.ToLower(f.SHA256)}
	}
	if most := p.welcome.Limits.MessageBytes; most > 0 {
		if body, err := json.Marshal(u); err != nil || len(body) > most {
			return fmt.Errorf("%w: the declaration of %d files is longer than the %d bytes that the server takes", ErrLocal, len(u.Files), most)
		}
	}
	return p.send(kindUpload, u)
}

// offers reads what the server holds already.
func (p *pushing) offers() ([]int64, error) {
	m, err := p.await(kindOffer)
	if err != nil {
		return nil, err
	}
	var offer offerMessage
	if err := decode(m, &offer); err != nil {
		return nil, err
	}
	if offer.ID != p.last || len(offer.Held) != len(p.set.Files) {
		return nil, fault("OFFER", "it is of upload %d with %d files; upload %d has %d", offer.ID, len(offer.Held), p.last, len(p.set.Files))
	}
	for i, f := range p.set.Files {
		if n := offer.Held[i]; n < 0 || n > f.Size {
			return nil, fault("OFFER", "the server claims to hold %d bytes of %s, which has %d", n, shown(f.Name), f.Size)
		}
		p.result.Skipped += offer.Held[i]
	}
	return offer.Held, nil
}

// await reads until a message of this kind comes.
func (p *pushing) await(want kind) (message2, error) {
	for {
		m := <-p.in
		if m.kind == want && m.err == nil {
			return m, nil
		}
		if err := p.hear(m); err != nil {
			return m, err
		}
	}
}

// hear takes what may come at any time: PROGRESS and ERROR.
func (p *pushing) hear(m message2) error {
	switch {
	case m.err != nil:
		return noEOF(m.err)
	case m.kind == kindProgress:
		var told progressMessage
		if err := decode(m, &told); err != nil {
			return err
		}
		if told.ID == p.last && p.set.Progress != nil {
			told.Stage, told.File = plainText(told.Stage), plainText(told.File)
			p.set.Progress(told.Progress)
		}
		return nil
	case m.kind == kindError:
		var e errorMessage
		if err := decode(m, &e); err != nil {
			return err
		}
		if e.ID == 0 {
			return errors.Join(e.refusal(), errOver)
		}
		if e.ID == p.last {
			return e.refusal()
		}
		return nil
	}
	return fault(m.kind.String(), "it has no place here")
}
