package upload

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/vfs"
)

// stubborn is a file whose file system has no direct writes, or says so with the first.
type stubborn struct {
	vfs.File
	atOnce bool
	direct bool
}

func (s *stubborn) WriteDirect(direct bool) error {
	if s.atOnce {
		return syscall.EINVAL
	}
	s.direct = direct
	return nil
}

func (s *stubborn) Write(p []byte) (int, error) {
	if s.direct {
		return 0, syscall.EINVAL
	}
	return s.File.Write(p)
}

// failing is a file that takes so many more bytes directly.
type failing struct {
	vfs.File
	left int
}

func (*failing) WriteDirect(bool) error { return nil }

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:min(len(p), f.left)])
	if f.left -= n; err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

// noise are bytes that are found nowhere else.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+8 <= n; i += 8 {
		copy(b[i:], fmt.Appendf(nil, "%08x", r.Uint32()))
	}
	return b
}

// Wherever a file begins and ends, and whatever its file system takes, all bytes are there
// when wait returns.
func TestWriteDirect(t *testing.T) {
	t.Parallel()
	fsys, err := vfs.OpenDir(t.TempDir())
	check(t, err)
	t.Cleanup(func() { fsys.Close() })
	all := noise(3*blockSize + 70_001)
	for name, wrap := range map[string]func(vfs.File) vfs.File{
		"as it is":        func(f vfs.File) vfs.File { return f },
		"not on":          func(f vfs.File) vfs.File { return &stubborn{File: f, atOnce: true} },
		"not the first":   func(f vfs.File) vfs.File { return &stubborn{File: f} },
		"no such methods": func(f vfs.File) vfs.File { return struct{ vfs.File }{f} },
	} {
		for i, held := range []int{0, 1, 4096, blockSize, blockSize + 5, len(all)} {
			for j, step := range []int{32_000, len(all)} {
				file := fmt.Sprintf("%s %d %d", name, i, j)
				check(t, vfs.CreateSynced(fsys, file, 0o600, all[:held]))
				f, err := fsys.Append(file, 0o600)
				check(t, err)
				w, wait := WriteDirect(wrap(f), int64(held))
				for rest := all[held:]; len(rest) > 0; {
					n, err := w.Write(rest[:min(step, len(rest))])
					check(t, err)
					rest = rest[n:]
				}
				check(t, wait())
				check(t, f.Sync())
				check(t, f.Close())
				if !bytes.Equal(read(t, fsys, file), all) {
					t.Errorf("%s, %d bytes held, in steps of %d: other bytes", name, held, step)
				}
				check(t, fsys.Remove(file))
			}
		}
	}
}

// On a disk that is full what was written is the beginning of the file.
func TestWriteDirectFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fsys, err := vfs.OpenDir(dir)
	check(t, err)
	t.Cleanup(func() { fsys.Close() })
	all := noise(4*blockSize + 1000)
	for i, room := range []int{0, 5, blockSize, 2*blockSize + 100, 4*blockSize + 10} {
		file := fmt.Sprint(i)
		f, err := fsys.Append(file, 0o600)
		check(t, err)
		w, wait := WriteDirect(&failing{f, room}, 0)
		_, err = w.Write(all)
		if err = errors.Join(err, wait()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		check(t, f.Close())
		got, err := os.ReadFile(filepath.Join(dir, file))
		check(t, err)
		if len(got) != room || !bytes.Equal(got, all[:len(got)]) {
			t.Errorf("room for %d bytes: %d are there, and they are right: %v", room, len(got), bytes.HasPrefix(all, got))
		}
	}
}
