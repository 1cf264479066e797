package index

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
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

// begun is a file that the disk may begin to take: it knows what it had when it was told so.
type begun struct {
	bytes.Buffer
	at []int
}

func (b *begun) StartWriting() { b.at = append(b.at, b.Len()) }

// TestDiskBeginsEarly: what is copied of an index is on its way to the disk a block at a
// time, the last of it before the new piece at the end is there.
func TestDiskBeginsEarly(t *testing.T) {
	t.Parallel()
	fsys := vfs.NewMem(time.Now)
	var e Edit
	for i := range 4 * copyBlock / 160 {
		e.AppendSources = append(e.AppendSources, Source{
			Name: fmt.Sprintf("source-%06d", i), Version: "1", Filename: fmt.Sprintf("source-%06d_1_src.tar.xz", i), SHA256: fmt.Sprintf("%064x", i), Size: 1,
		})
	}
	first, err := Apply(&Snapshot{}, e)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, fsys, first)
	s, err := OpenCached(fsys, testCache)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	next, err := Apply(s, Edit{AppendSources: []Source{{Name: "z", Version: "1", Filename: "z_src.tar.xz", SHA256: fmt.Sprintf("%064d", 1), Size: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	var file begun
	w, err := next.WriteSource(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Sum(); err != nil {
		t.Fatal(err)
	}
	last := w.pieces[len(w.pieces)-1]
	if n := len(file.at); n < 3 || file.at[0] != copyBlock || int64(file.at[n-1]) != last.from {
		t.Errorf("of %d bytes, the last piece from %d on, the disk was told at %v", file.Len(), last.from, file.at)
	}
}
