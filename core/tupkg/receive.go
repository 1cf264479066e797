package tupkg

import (
	"context"
	"fmt"
	"io"
)

// missing is where the bytes stand that one file still needs.
type missing struct {
	left int64
	// err is why no more comes, nil after the last byte.
	err error
}

// hand gives the missing bytes of every file to the intake; open makes the reader of
// those of one file.
func (l *line) hand(ctx context.Context, intake Intake, files []Declared, held []int64, open func(i int, m *missing) io.Reader) error {
	for i, f := range files {
		if held[i] == f.Size {
			continue
		}
		m := &missing{left: f.Size - held[i]}
		err := intake.Receive(ctx, i, open(i, m))
		switch {
		case context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case m.err != nil:
			return m.err
		case err == nil && m.left > 0:
			err = fmt.Errorf("%s: %d bytes were not taken", f.Name, m.left)
		}
		if err != nil {
			return l.hostSaid(err)
		}
	}
	return nil
}

// rest reads the missing bytes of one file from the connection, and no more.
type rest struct {
	*missing
	line *line
}

func (r *rest) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.line.Conn.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	r.line.data += int64(n)
	if err != nil && r.left > 0 {
		r.err = noEOF(err)
	}
	return n, r.err
}
