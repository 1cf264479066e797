package index

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"testing"
)

func TestWriteIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, st := range steps(t) {
		var files [2]bytes.Buffer
		for i := range files {
			if _, err := mustView(t, string(st.binary), string(st.source)).WriteBinary(&files[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%s: written twice, two different files", st.name)
		}
		z, err := gzip.NewReader(&files[0])
		if err != nil || !z.ModTime.IsZero() || z.Name != "" {
			t.Errorf("%s: the header holds %+v, %v", st.name, z.Header, err)
		}
	}
}

// full fails after so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	st := steps(t)[21]
	s := mustView(t, string(st.binary), string(st.source))
	for _, room := range []full{0, 5, 100} {
		b, src := room, room
		if _, err := s.WriteBinary(&b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("binary index, %d bytes: %v", room, err)
		}
		if _, err := s.WriteSource(&src); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("source index, %d bytes: %v", room, err)
		}
	}
}
