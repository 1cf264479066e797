package index

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/mmpush/mmpush/core/archive"
)

// run is some pieces that stand together and are all copied, or all written anew.
type run struct {
	pieces []*piece
	// made are the new pieces, in order; nil where the old ones are copied.
	made chan *made
}

func newRun(anew bool) *run {
	if !anew {
		return &run{}
	}
	return &run{made: make(chan *made, ahead())}
}

// ahead is how many new pieces may wait to be written: so many are in memory.
func ahead() int { return 2 * runtime.GOMAXPROCS(0) }

// made is a new piece as it will stand in the file.
type made struct {
	piece *piece
	data  []byte
	err   error
	// done is closed when the rest is there.
	done chan struct{}
}

// maker makes the new pieces of an index, each by itself, while others are copied and
// written.
type maker struct {
	cut    cut
	zipped bool
	// slots bounds how many are made at once.
	slots chan struct{}
	// quit ends it early.
	quit    chan struct{}
	running sync.WaitGroup
	// writers are *archive.GzipWriter that have done their work.
	writers sync.Pool
}

// errStopped ends the making.
var errStopped = errors.New("nobody waits for it any more")

// makeAhead begins to make the new pieces of all runs, in order. Call stop in the end.
func makeAhead(runs []*run, c cut, zipped bool) *maker {
	m := &maker{cut: c, zipped: zipped, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), quit: make(chan struct{})}
	m.running.Go(func() {
		for _, r := range runs {
			if r.made == nil {
				continue
			}
			if err := m.cutUp(r); err != nil {
				_ = m.send(r, &made{err: err, done: closed()})
			}
			close(r.made)
		}
	})
	return m
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// stop waits until nothing is being made any more.
func (m *maker) stop() {
	close(m.quit)
	m.running.Wait()
}

// cutUp makes pieces of about one length of the stanzas of a run.
func (m *maker) cutUp(r *run) (err error) {
	defer caught(&err)
	var left int64
	for _, p := range r.pieces {
		left += p.length
	}
	if len(r.pieces) == 1 && left <= m.cut.most() {
		return m.asItIs(r, r.pieces[0])
	}
	share := left
	if left > m.cut.most() {
		share = left / ((left + m.cut.target() - 1) / m.cut.target())
	}
	at := &piece{}
	for _, p := range r.pieces {
		texts, err := p.each()
		if err != nil {
			return err
		}
		for i, text := range texts {
			at.put(&stanzaAt{text: text, mark: p.mark(i)})
			if left -= int64(len(text)); at.length >= share && left >= share/2 {
				if err := m.start(r, at); err != nil {
					return err
				}
				at = &piece{}
			}
		}
	}
	return m.start(r, at)
}

// asItIs makes one piece of one.
func (m *maker) asItIs(r *run, p *piece) error {
	texts, err := p.each()
	if err != nil {
		return err
	}
	return m.start(r, &piece{marks: p.marks, length: p.length, texts: texts})
}

// caught makes an error of a defect: it would end the process, not the publish alone.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("defect: %v", p)
	}
}

// start begins to make one piece.
func (m *maker) start(r *run, p *piece) error {
	if p.len() == 0 {
		return nil
	}
	x := &made{piece: p, done: make(chan struct{})}
	select {
	case m.slots <- struct{}{}:
	case <-m.quit:
		return errStopped
	}
	m.running.Go(func() {
		defer func() { <-m.slots }()
		defer close(x.done)
		defer caught(&x.err)
		x.data, x.err = m.bytes(p)
		p.texts = nil
	})
	return m.send(r, x)
}

func (m *maker) send(r *run, x *made) error {
	select {
	case r.made <- x:
		return nil
	case <-m.quit:
		return errStopped
	}
}

// bytes are what the piece is in its file.
func (m *maker) bytes(p *piece) ([]byte, error) {
	text := make([]byte, 0, p.length)
	for _, t := range p.texts {
		text = append(text, t...)
	}
	if !m.zipped {
		return text, nil
	}
	out := bytes.NewBuffer(make([]byte, 0, len(text)/4))
	z, ok := m.writers.Get().(*archive.GzipWriter)
	if ok {
		z.Reset(out)
	} else {
		z = archive.NewGzipWriter(out)
	}
	_, err := z.Write(text)
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	m.writers.Put(z)
	return out.Bytes(), err
}
