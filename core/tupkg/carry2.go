package tupkg

import (
	"fmt"
	"syscall"
)

// Carrier is what a [Conn] can be if the system itself brings the bytes of a file into it,
// with no copy of them here.
type Carrier interface {
	// Load gets at most n bytes of an open file ready, from its offset at on, and returns
	// how many. It is 0 at the end of the file and for whatever else goes wrong: who reads
	// the file as usual hears why. What is loaded is sent before more is.
	Load(file syscall.Conn, at int64, n int) int
	// Send writes head, and behind it what is loaded.
	Send(head []byte) error
}

// Filed is what the Content of a [File] can be whose bytes are those of an open file of the
// system.
type Filed interface {
	// Filed is asked instead of each ReadAt at that offset: it returns the file, nil if
	// there is none after all, or the error that ReadAt would.
	Filed(at int64) (syscall.Conn, error)
}

// carryBytes is the least that a Carrier is asked for: less is copied as soon.
const carryBytes = 64 << 10

// load has the next bytes of a file loaded. None are, and there is no error, if they are to
// be read.
func (p *pushing) load(f File, at int64) (int, error) {
	carrier, able := p.Conn.(Carrier)
	filed, is := f.Content.(Filed)
	if !able || !is || f.Size-at < carryBytes {
		return 0, nil
	}
	file, err := filed.Filed(at)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrLocal, f.Name, err)
	}
	if file == nil {
		return 0, nil
	}
	return carrier.Load(file, at, int(min(f.Size-at, chunk2Bytes))), nil
}
