package ssh

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// A pipe is widened, and knows what is in it.
func TestPipeIsWide(t *testing.T) {
	t.Parallel()
	r, w := pipe(t)
	before, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPipe(r)
	after, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil || after <= before || p.holds != after {
		t.Errorf("the pipe took %d bytes, and takes %d; it is thought to take %d; %v", before, after, p.holds, err)
	}
	if _, err := w.Write(make([]byte, 1234)); err != nil || p.queued() != 1234 {
		t.Errorf("%d bytes of 1234, %v", p.queued(), err)
	}
}

// What is no pipe is read and written as it was.
func TestNoPipe(t *testing.T) {
	t.Parallel()
	if _, err := NewPipe(os.NewFile(^uintptr(0), "none")).Read(make([]byte, much)); err == nil {
		t.Error("a descriptor that is none can be read")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := NewPipe(file)
	if n, err := p.Write(make([]byte, much)); n != much || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := p.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(make([]byte, 2*much)); n != much || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// All bytes arrive, in their order, whatever the two ends ask for and who waits for whom.
func TestPipeCarries(t *testing.T) {
	t.Parallel()
	want := pattern(5 * pipeBytes)
	for _, sizes := range [][2]int{{32 << 10, 256 << 10}, {256 << 10, 32 << 10}, {2 * pipeBytes, 2 * pipeBytes}, {much - 1, much + 1}} {
		r, w := pipe(t)
		go func() {
			out := NewPipe(w)
			for rest := want; len(rest) > 0; {
				n, err := out.Write(rest[:min(sizes[0], len(rest))])
				if err != nil {
					t.Error(err)
					break
				}
				rest = rest[n:]
			}
			_ = out.Close()
		}()
		var got bytes.Buffer
		if _, err := io.CopyBuffer(&got, struct{ io.Reader }{NewPipe(r)}, make([]byte, sizes[1])); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%v: %d bytes of %d, %v", sizes, got.Len(), len(want), err)
		}
	}
}

// pattern is n bytes without a period that a size of ours divides.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}
