package tupkg

import (
	"encoding/binary"
	"fmt"
	"io"
)

// kind is the type of a version 2 frame: an ASCII letter, so that a dump of the wire
// can be read.
type kind byte

const (
	kindLogin    kind = 'L'
	kindWelcome  kind = 'W'
	kindUpload   kind = 'U'
	kindOffer    kind = 'O'
	kindData     kind = 'D'
	kindCancel   kind = 'C'
	kindProgress kind = 'P'
	kindVerdict  kind = 'V'
	kindError    kind = 'E'

	// moreFollows is the bit of the type that says: the next frame goes on with this
	// message.
	moreFollows kind = 0x80
)

func (k kind) String() string {
	switch k {
	case kindLogin:
		return "LOGIN"
	case kindWelcome:
		return "WELCOME"
	case kindUpload:
		return "UPLOAD"
	case kindOffer:
		return "OFFER"
	case kindData:
		return "DATA"
	case kindCancel:
		return "CANCEL"
	case kindProgress:
		return "PROGRESS"
	case kindVerdict:
		return "VERDICT"
	case kindError:
		return "ERROR"
	}
	return fmt.Sprintf("a frame of type 0x%02x", byte(k))
}

const (
	// frameBytes is the longest body of a frame.
	frameBytes = 1 << 20
	// headBytes are the type and the length.
	headBytes = 5
	// dataHead are the upload's id and the file's number, before the bytes of a DATA
	// frame.
	dataHead = 8
)

// message2 is one message of version 2, put together from its frames.
type message2 struct {
	kind kind
	body []byte
	err  error
}

// readMessage2 reads one message of at most limit bytes. buf is used for a message
// of one frame if it is large enough. An end of the stream before the first byte is
// io.EOF, and elsewhere io.ErrUnexpectedEOF.
func readMessage2(r io.Reader, limit int, buf []byte) (message2, error) {
	first, n, err := readHead2(r)
	if err != nil {
		return message2{}, err
	}
	return readFrames2(r, first, n, limit, buf)
}

// readFrames2 is readMessage2 behind the head of the first frame.
func readFrames2(r io.Reader, first kind, n, limit int, buf []byte) (message2, error) {
	body := buf[:0]
	var err error
	for at := first; ; at, n, err = readHead2(r) {
		if err != nil {
			if len(body) > 0 {
				err = noEOF(err)
			}
			return message2{}, err
		}
		k := first &^ moreFollows
		more := at&moreFollows != 0
		switch {
		case at&^moreFollows != k:
			return message2{}, fault(k.String(), "%s stands between its frames", at&^moreFollows)
		case more && (n == 0 || k == kindData):
			return message2{}, fault(k.String(), "a frame that is empty, or of DATA, cannot be continued")
		case n > limit-len(body):
			return message2{}, fault(k.String(), "the message is longer than the %d bytes that are taken here", limit)
		}
		if body, err = readMore(r, body, n); err != nil {
			return message2{}, noEOF(err)
		}
		if !more {
			return message2{kind: k, body: body}, nil
		}
	}
}

// readMore appends n bytes of r to body.
func readMore(r io.Reader, body []byte, n int) ([]byte, error) {
	start := len(body)
	if cap(body)-start < n {
		grown := make([]byte, start, max(start+n, 2*start))
		copy(grown, body)
		body = grown
	}
	body = body[:start+n]
	_, err := io.ReadFull(r, body[start:])
	return body, err
}

func readHead2(r io.Reader) (kind, int, error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > frameBytes {
		return 0, 0, fault("the length of a frame", "%d bytes are announced; at most %d are allowed", n, frameBytes)
	}
	return kind(head[0]), int(n), nil
}

// appendFrame2 appends one frame to b.
func appendFrame2(b []byte, k kind, body []byte) []byte {
	b = append(b, byte(k))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// appendMessage2 appends one message to b, in as many frames as it needs.
func appendMessage2(b []byte, k kind, body []byte) []byte {
	for len(body) > frameBytes {
		b = appendFrame2(b, k|moreFollows, body[:frameBytes])
		body = body[frameBytes:]
	}
	return appendFrame2(b, k, body)
}
