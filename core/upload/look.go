package upload

import (
	"context"
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
)

// inspection is the reading of one package in a goroutine of its own. It gets the bytes
// by feed and sees them as an [io.Reader]; whatever it makes of them, it takes all
// of them, so that a bad archive does not stop the copy.
type inspection struct {
	chunks  chan []byte
	buffers *buffers
	done    chan struct{}
	// chunk is where the reading is; rest is what is left of it.
	chunk, rest []byte

	pkg      *mpk.Package
	findings []report.Finding
	err      error
}

// startInspection starts the reading of a package of size bytes. Whoever starts it
// must end it.
func startInspection(ctx context.Context, parse parser, b *buffers, size int64, limits archive.Limits) *inspection {
	// The channel has room for all buffers that there are: feed never blocks.
	l := &inspection{chunks: make(chan []byte, chunkCount), buffers: b, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		defer l.drain()
		l.run(ctx, parse, l, size, limits)
	}()
	return l
}

// run reads the package from r.
func (l *inspection) run(ctx context.Context, parse parser, r io.Reader, size int64, limits archive.Limits) {
	// A defect here would take a server with all its sessions down.
	defer func() {
		if p := recover(); p != nil {
			l.err = fmt.Errorf("defect: %v", p)
		}
	}()
	l.pkg, l.findings, l.err = parse(ctx, r, size, limits)
}

// feed hands a chunk over; it is the look's until that gives the buffer back.
func (l *inspection) feed(chunk []byte) { l.chunks <- chunk }

// end says that no chunk follows, and waits for the look to end.
func (l *inspection) end() {
	close(l.chunks)
	<-l.done
}

// Read implements [io.Reader] over the chunks.
func (l *inspection) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if !l.next() {
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// next goes to the next chunk and gives the last one's buffer back.
func (l *inspection) next() bool {
	if l.chunk != nil {
		l.buffers.give(l.chunk)
		l.chunk = nil
	}
	chunk, ok := <-l.chunks
	if ok {
		l.chunk, l.rest = chunk, chunk
	}
	return ok
}

// drain gives back everything that is still to come.
func (l *inspection) drain() {
	for l.next() {
	}
}
