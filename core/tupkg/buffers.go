package tupkg

import (
	"io"
	"sync/atomic"
)

const (
	// largeBuffer is what a client of ours sends in one DATA frame; smallBuffer does for
	// who has to share a machine with a thousand others.
	largeBuffer = dataHead + chunk2Bytes
	smallBuffer = dataHead + 16<<10
)

// Buffers is how much memory the conversations of one server may take together to read
// file data quickly. One that gets nothing of it reads in small pieces.
type Buffers struct{ left atomic.Int64 }

// NewBuffers allows so many bytes.
func NewBuffers(bytes int64) *Buffers {
	b := &Buffers{}
	b.left.Store(bytes)
	return b
}

// take reports whether there is a large one left. Nil has as many as anybody wants.
func (b *Buffers) take() bool {
	if b == nil {
		return true
	}
	if b.left.Add(-largeBuffer) >= 0 {
		return true
	}
	b.left.Add(largeBuffer)
	return false
}

// give gives n large ones back.
func (b *Buffers) give(n int64) {
	if b != nil {
		b.left.Add(n * largeBuffer)
	}
}

// buffer is one for a piece of DATA of want bytes.
func (w *wire2) buffer(want int) []byte {
	var buf []byte
	select {
	case buf = <-w.free:
	default:
	}
	if cap(buf) >= min(dataHead+want, largeBuffer) {
		return buf
	}
	if dataHead+want > smallBuffer && w.o.Buffers.take() {
		w.large.Add(1)
		return make([]byte, largeBuffer)
	}
	if buf == nil {
		buf = make([]byte, smallBuffer)
	}
	return buf
}

// recycle gives the buffer of a piece of DATA back.
func (w *wire2) recycle(body []byte) {
	select {
	case w.free <- body:
	default:
		w.drop(body)
	}
}

// drop leaves a buffer to others.
func (w *wire2) drop(body []byte) {
	if cap(body) == largeBuffer {
		w.large.Add(-1)
		w.o.Buffers.give(1)
	}
}

// letGo leaves the buffers to others that nobody needs between two uploads.
func (w *wire2) letGo() {
	for {
		select {
		case body := <-w.free:
			w.drop(body)
		default:
			return
		}
	}
}

// piece reads the next bytes of the DATA frame that has begun, as a frame of its own.
func (w *wire2) piece() (message2, error) {
	body := w.buffer(w.left)
	body = body[:min(dataHead+w.left, cap(body))]
	copy(body, w.head[:])
	w.left -= len(body) - dataHead
	if _, err := io.ReadFull(w.Conn, body[dataHead:]); err != nil {
		return message2{}, noEOF(err)
	}
	return message2{kind: kindData, body: body}, nil
}
