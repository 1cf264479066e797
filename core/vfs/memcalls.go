package vfs

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Open implements [FS].
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("open", name)
	if err == nil && n.mode&fs.ModeSymlink != 0 {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
	}
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name}, nil
}

func (m *Mem) create(op, name string, mode fs.FileMode) (*memNode, error) {
	dir, base, err := m.parent(op, name)
	if err != nil {
		return nil, err
	}
	if dir.entries[base] != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	}
	n := m.newNode(mode)
	m.set(dir, base, n, nil)
	return n, nil
}

// Symlink implements [FS]. What a link says is as durable as its name: file systems keep
// both in one place.
func (m *Mem) Symlink(target, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.create("symlink", name, fs.ModeSymlink|0o777)
	if err == nil {
		n.data = []byte(target)
		n.synced = memImage{data: n.data, mode: n.mode, mtime: n.mtime}
	}
	return err
}

// Readlink implements [FS].
func (m *Mem) Readlink(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readlink", name)
	if err == nil && n.mode&fs.ModeSymlink == 0 {
		err = &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
	}
	if err != nil {
		return "", err
	}
	return string(n.data), nil
}

// Create implements [FS].
func (m *Mem) Create(name string, mode fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.create("create", name, mode.Perm())
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name, writable: true}, nil
}

func (m *Mem) openOrCreate(op, name string, mode fs.FileMode) (*memNode, error) {
	n, err := m.find(op, name)
	if errors.Is(err, fs.ErrNotExist) {
		return m.create(op, name, mode.Perm())
	}
	if err == nil && n.mode.IsDir() {
		return nil, &fs.PathError{Op: op, Path: name, Err: syscall.EISDIR}
	}
	return n, err
}

// OpenLock implements [FS].
func (m *Mem) OpenLock(name string, mode fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.openOrCreate("lock-open", name, mode)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name, writable: true}, nil
}

// Append implements [FS].
func (m *Mem) Append(name string, mode fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.openOrCreate("append", name, mode)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name, writable: true, appends: true}, nil
}

// Mkdir implements [FS].
func (m *Mem) Mkdir(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.create("mkdir", name, fs.ModeDir|mode)
	return err
}

// Rename implements [FS].
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fromDir, fromBase, err := m.parent("rename", from)
	if err != nil {
		return err
	}
	node := fromDir.entries[fromBase]
	if node == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	toDir, toBase, err := m.parent("rename", to)
	if err != nil {
		return err
	}
	if old := toDir.entries[toBase]; old != nil && old.mode.IsDir() {
		return &fs.PathError{Op: "rename", Path: to, Err: syscall.ENOTEMPTY}
	}
	add := m.set(toDir, toBase, node, nil)
	if node.mode.IsDir() {
		add.goneDir, add.goneName = fromDir, fromBase
		delete(fromDir.entries, fromBase)
	} else {
		m.set(fromDir, fromBase, nil, add)
	}
	node.ctime = m.now()
	return nil
}

// Link implements [Linker].
func (m *Mem) Link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.find("link", from)
	if err != nil {
		return err
	}
	if node.mode.IsDir() {
		return &fs.PathError{Op: "link", Path: from, Err: syscall.EPERM}
	}
	dir, base, err := m.parent("link", to)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	m.set(dir, base, node, nil)
	node.ctime = m.now()
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	n := dir.entries[base]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if len(n.entries) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	m.set(dir, base, nil, nil)
	return nil
}

// Lstat implements [FS].
func (m *Mem) Lstat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("lstat", name)
	if err != nil {
		return Info{}, err
	}
	return n.info(path.Base(name)), nil
}

// ReadDir implements [FS].
func (m *Mem) ReadDir(name string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.entries == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	var list []Info
	for base, child := range n.entries {
		list = append(list, child.info(base))
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Chmod implements [FS].
func (m *Mem) Chmod(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("chmod", name)
	if err != nil {
		return err
	}
	n.mode = n.mode.Type() | mode&^fs.ModeType
	n.ctime = m.now()
	return nil
}

// Chtimes implements [FS].
func (m *Mem) Chtimes(name string, mtime time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("chtimes", name)
	if err != nil {
		return err
	}
	n.mtime, n.ctime = mtime, m.now()
	return nil
}

func (n *memNode) info(name string) Info {
	return Info{Name: name, Size: int64(len(n.data)), Mode: n.mode, ModTime: n.mtime, ChangeTime: n.ctime, Dev: 1, Ino: n.ino, Links: 1}
}
