package tupkg

import (
	"context"
	"io"
)

// dataReader is the missing bytes of one file, out of DATA messages.
type dataReader struct {
	*missing
	s        *serving2
	ctx      context.Context
	id, file uint32
	// rest is what is here already of what is missing; body is the message that rest
	// is in.
	rest []byte
	body []byte
}

// Read implements [io.Reader].
func (r *dataReader) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.rest)
	r.take(n)
	return n, nil
}

// WriteTo implements [io.WriterTo]: the bytes are not copied on the way.
func (r *dataReader) WriteTo(w io.Writer) (all int64, err error) {
	for r.left > 0 {
		if err := r.fill(); err != nil {
			return all, err
		}
		n, err := w.Write(r.rest)
		r.take(n)
		all += int64(n)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// fill waits until there is something; io.EOF after the last byte.
func (r *dataReader) fill() error {
	if r.err == nil && r.left == 0 {
		return io.EOF
	}
	for r.err == nil && len(r.rest) == 0 {
		r.err = r.next()
	}
	return r.err
}

// take counts n bytes that were used.
func (r *dataReader) take(n int) {
	r.rest = r.rest[n:]
	r.left -= int64(n)
	if len(r.rest) == 0 {
		r.s.recycle(r.body)
	}
}

// next waits for the next message and takes it if it belongs here.
func (r *dataReader) next() error {
	var m message2
	select {
	case m = <-r.s.in:
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
	switch {
	case m.err != nil:
		return noEOF(m.err)
	case cancels(m, r.id):
		return cancelled()
	case m.kind != kindData:
		return r.s.ignoreLate(m)
	}
	id, file, data, err := splitData(m.body)
	switch {
	case err != nil:
		return err
	case id < r.id:
		return r.s.ignoreLate(m)
	case id > r.id || file != r.file:
		return fault("DATA", "bytes of upload %d, file %d came; upload %d, file %d is at work", id, file, r.id, r.file)
	case int64(len(data)) > r.left:
		return fault("DATA", "%d bytes came; file %d misses only %d", len(data), r.file, r.left)
	}
	r.s.data += int64(len(data))
	r.rest, r.body = data, m.body
	return nil
}
