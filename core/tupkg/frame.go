package tupkg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxMessage is the longest message of version 1, in bytes: its length has two.
const MaxMessage = math.MaxUint16

// readFrame reads one message of version 1 of at most limit bytes. It reads not a
// byte beyond the message, so that file data can follow. A message that is too long
// is not read. An end of the stream before the first byte is io.EOF, and within the
// message io.ErrUnexpectedEOF.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n > limit {
		return nil, fault("the length of a message", "%d bytes are announced; at most %d are taken here", n, limit)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, noEOF(err)
	}
	return body, nil
}

// writeFrame writes one message of version 1 with one Write. A message too long for
// its two-byte length is an error and nothing is written: the length must not wrap.
func writeFrame(w io.Writer, body string) error {
	if len(body) > MaxMessage {
		return fmt.Errorf("a message of %d bytes does not fit: version 1 has at most %d", len(body), MaxMessage)
	}
	frame := make([]byte, 2, 2+len(body))
	binary.BigEndian.PutUint16(frame, uint16(len(body)))
	_, err := w.Write(append(frame, body...))
	return err
}

// noEOF turns an end of the stream that nobody expects into io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
