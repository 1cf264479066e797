package vfs

import (
	"io"
	"io/fs"
	"slices"
	"sync"
	"syscall"
)

// memFile is an open file or folder of a Mem.
type memFile struct {
	m        *Mem
	n        *memNode
	name     string
	off      int64
	writable bool
	appends  bool
	holds    bool
	closed   sync.Once
}

func (f *memFile) Stat() (Info, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.n.info(f.name), nil
}

func (f *memFile) Read(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.n.mode.IsDir() {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: syscall.EISDIR}
	}
	if f.off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[f.off:])
	f.off += int64(n)
	return n, nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if !f.writable {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	if f.appends {
		f.off = int64(len(f.n.data))
	}
	w := memWrite{off: f.off, data: slices.Clone(p)}
	f.n.data = w.apply(f.n.data)
	f.n.writes = append(f.n.writes, w)
	f.n.mtime, f.n.ctime = f.m.now(), f.m.now()
	f.off += int64(len(p))
	return len(p), nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	w := memWrite{off: size, truncate: true}
	f.n.data = w.apply(f.n.data)
	f.n.writes = append(f.n.writes, w)
	f.n.mtime, f.n.ctime = f.m.now(), f.m.now()
	return nil
}

// apply returns data with the write in it; data itself is never changed, since
// images share it.
func (w memWrite) apply(data []byte) []byte {
	end := w.off + int64(len(w.data))
	size := max(int64(len(data)), end)
	if w.truncate {
		size = w.off
	}
	out := make([]byte, size)
	copy(out, data)
	copy(out[min(w.off, size):], w.data)
	return out
}

func (f *memFile) Chmod(mode fs.FileMode) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.mode = f.n.mode.Type() | mode.Perm()
	f.n.ctime = f.m.now()
	return nil
}

func (f *memFile) TryLock() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.n.locked && !f.holds {
		return ErrLocked
	}
	f.n.locked, f.holds = true, true
	return nil
}

func (f *memFile) Close() error {
	err := error(&fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed})
	f.closed.Do(func() {
		err = nil
		f.m.mu.Lock()
		defer f.m.mu.Unlock()
		if f.holds {
			f.n.locked = false
		}
	})
	return err
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.m.syncNode(f.n)
	return nil
}
