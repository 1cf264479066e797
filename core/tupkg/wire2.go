package tupkg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// wire2 is one end of a version 2 connection after the login: it reads all the time,
// so that whoever writes is heard, and writes whole messages.
type wire2 struct {
	*line
	writing sync.Mutex
	// in gives what was read; the last one has an error.
	in chan message2
	// free gives the buffers of consumed DATA frames back to the reader.
	free chan []byte
	// large counts the large buffers that are in use here.
	large atomic.Int64
	// head and left are of the DATA frame that the reader is in: its id and number, and
	// how many of its bytes have not come.
	head  [dataHead]byte
	left  int
	quit  chan struct{}
	done  chan struct{}
	ended sync.Once
}

// startWire2 begins to read, ahead messages at most before they are asked for. end must
// be called.
func startWire2(l *line, ahead int) *wire2 {
	l.known = true
	w := &wire2{
		line: l, in: make(chan message2, ahead), free: make(chan []byte, 2),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.readAll()
	return w
}

// readAll hands over message after message, until the connection or the reader ends.
// The error of the connection's end is handed over again and again, so that whoever
// asks later gets it too. After a violation, what follows has no meaning and drains.
func (w *wire2) readAll() {
	defer close(w.done)
	for {
		m, err := w.read()
		m.err = err
		if m.kind == kindProgress && err == nil {
			// Who is not listening misses it: were it waited for, two sides that
			// write at the same time would wait for each other.
			select {
			case w.in <- m:
			default:
			}
			continue
		}
		select {
		case w.in <- m:
		case <-w.quit:
			return
		}
		if errors.Is(err, ErrProtocol) {
			err = w.drain()
		}
		for err != nil {
			select {
			case w.in <- message2{err: err}:
			case <-w.quit:
				return
			}
		}
	}
}

// read reads one message, or a piece of a DATA frame: whoever sends those decides about
// the memory of neither side.
func (w *wire2) read() (message2, error) {
	if w.left > 0 {
		return w.piece()
	}
	k, n, err := readHead2(w.Conn)
	if err != nil {
		return message2{}, err
	}
	if k != kindData || n <= dataHead || n > w.o.Limits.MessageBytes {
		return readFrames2(w.Conn, k, n, w.o.Limits.MessageBytes, nil)
	}
	if _, err := io.ReadFull(w.Conn, w.head[:]); err != nil {
		return message2{}, noEOF(err)
	}
	w.left = n - dataHead
	return w.piece()
}

// end closes the connection and waits for the reader. It may be called twice.
func (w *wire2) end() {
	w.hangUp()
	w.ended.Do(func() { close(w.quit) })
	<-w.done
	w.o.Buffers.give(w.large.Swap(0))
}

// goodbye closes the connection so that what was written last arrives.
func (w *wire2) goodbye() {
	w.enter(PhaseClose)
	w.halfClose()
	_ = w.within(w.o.DrainTime, func() error {
		for left := w.drainBytes(); left > 0; {
			m := <-w.in
			if m.err != nil && !errors.Is(m.err, ErrProtocol) {
				break
			}
			left -= int64(len(m.body)) + headBytes
		}
		return nil
	})
	w.hangUp()
}

// send writes one message of JSON. Any goroutine may call it.
func (w *wire2) send(k kind, m any) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing %s: %w", k, err)
	}
	frames := appendMessage2(nil, k, body)
	w.writing.Lock()
	defer w.writing.Unlock()
	_, err = w.Conn.Write(frames)
	return err
}

// sendRefusal tells the client why not; id 0 is about the whole connection.
func (w *wire2) sendRefusal(id uint32, r *Refusal) error {
	return w.send(kindError, errorMessage{ID: id, Code: r.Code, Reason: r.Reason, Hint: r.Hint, Findings: r.Findings})
}
