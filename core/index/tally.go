package index

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// tally is the SHA-256 of an index file that is being written, in a goroutine of its own.
// What is the same as in the file that was there before, from its first byte on, need not
// be read: the cache has the state of that file's sum at the end of each piece.
type tally struct {
	queue chan segment
	// done is closed when all has been counted; then text is the sum, or err.
	done chan struct{}
	text string
	err  error

	sum hash.Hash
	// same: all that has been counted so far is the beginning of another file.
	same   bool
	buffer []byte
}

// segment is a part of the file: data, or a piece that was copied to the place at.
type segment struct {
	data   []byte
	copied *piece
	at     int64
	// written is the piece that ends with it, and gets the state there; nil is none.
	written *piece
}

// newTally begins a sum of a file of some pieces. Whoever begins it must end it.
func newTally(pieces int) *tally {
	t := &tally{queue: make(chan segment, pieces+16), done: make(chan struct{}), sum: sha256.New(), same: true}
	go t.run()
	return t
}

func (t *tally) run() {
	defer close(t.done)
	for s := range t.queue {
		if t.err != nil {
			continue
		}
		if t.err = t.count(s); t.err == nil && s.written != nil {
			s.written.sum = t.state()
		}
	}
	t.text = hex.EncodeToString(t.sum.Sum(nil))
}

// add counts what comes next. The data stay as they are.
func (t *tally) add(s segment) { t.queue <- s }

// end says that nothing comes any more.
func (t *tally) end() { close(t.queue) }

// wait returns the sum.
func (t *tally) wait() (string, error) {
	<-t.done
	return t.text, t.err
}

func (t *tally) count(s segment) (err error) {
	defer caught(&err)
	p := s.copied
	if p == nil {
		t.same = false
		t.sum.Write(s.data)
		return nil
	}
	t.same = t.same && p.from == s.at
	if t.same && p.sum != nil && t.restore(p.sum) == nil {
		return nil
	}
	if t.buffer == nil {
		t.buffer = make([]byte, 256<<10)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{t.sum}, io.NewSectionReader(p.src, p.from, p.size), t.buffer)
	if err == nil && n < p.size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// errState is about a state that another program has written.
var errState = errors.New("not the state of a sum")

func (t *tally) restore(state []byte) error {
	u, ok := t.sum.(encoding.BinaryUnmarshaler)
	if !ok {
		return errState
	}
	return u.UnmarshalBinary(state)
}

// state is what the sum goes on from; nil if it does not tell.
func (t *tally) state() []byte {
	m, ok := t.sum.(encoding.BinaryMarshaler)
	if !ok {
		return nil
	}
	state, err := m.MarshalBinary()
	if err != nil || len(state) != stateSize {
		return nil
	}
	return state
}
