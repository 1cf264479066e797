package index

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// tally is the SHA-256 of an index file that is being written. What is the same as in the
// file that was there before, from its first byte on, need not be read: the cache has the
// state of that file's sum at the end of each piece.
type tally struct {
	sum hash.Hash
	// same: all that has been written so far is the beginning of another file.
	same   bool
	buffer []byte
}

func newTally() *tally { return &tally{sum: sha256.New(), same: true} }

// wrote counts what is new.
func (t *tally) wrote(p []byte) {
	t.same = false
	t.sum.Write(p)
}

// copied counts a piece that was copied from its file to the place at.
func (t *tally) copied(p *piece, at int64) error {
	t.same = t.same && p.from == at
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

// hex ends the sum.
func (t *tally) hex() string { return hex.EncodeToString(t.sum.Sum(nil)) }
