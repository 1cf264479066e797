package vfs

import (
	"io"
	"runtime"
)

// Mapper is what a File can be if the system shows its bytes without copying them.
type Mapper interface {
	// Map returns the first n bytes of the file, to be read only, until done is called. A
	// file that somebody shortens meanwhile ends the process: map none that anybody
	// shortens.
	Map(n int64) (data []byte, done func(), err error)
}

// Bytes are the bytes of a file, to be read only. They are there as long as the Bytes
// are: whoever keeps a part keeps these, too.
type Bytes struct{ Bytes []byte }

// BytesOf returns the first n bytes of a file that nobody shortens; n is as large as the file
// at most. They are mapped where that is possible, else read.
func BytesOf(f File, n int64) (*Bytes, error) {
	if m, ok := f.(Mapper); ok && n > 0 {
		if data, done, err := m.Map(n); err == nil {
			b := &Bytes{data}
			runtime.AddCleanup(b, func(done func()) { done() }, done)
			return b, nil
		}
	}
	data := make([]byte, n)
	got, err := f.ReadAt(data, 0)
	if err == io.EOF {
		err = nil
	}
	if err == nil && int64(got) < n {
		err = io.ErrUnexpectedEOF
	}
	return &Bytes{data}, err
}
