package vfs

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a folder in memory that knows which of its content would survive a power
// loss. It is for tests; it follows no symbolic links, and does not count hard ones.
type Mem struct {
	mu      sync.Mutex
	now     func() time.Time
	lastIno uint64
	root    *memNode
	// pending are the changes of entries that no SyncDir has made durable, in
	// the order in which they were made.
	pending []*entryChange
	space   Space
}

// SetSpace is the room that the file system tells of; it bounds nothing.
func (m *Mem) SetSpace(s Space) { m.space = s }

// Space implements [Measurer].
func (m *Mem) Space() (Space, error) {
	if m.space == (Space{}) {
		return m.space, errors.ErrUnsupported
	}
	return m.space, nil
}

var (
	_ FS     = (*Mem)(nil)
	_ Linker = (*Mem)(nil)
)

// memNode is a file or folder, whatever names it has.
type memNode struct {
	ino          uint64
	mode         fs.FileMode
	mtime, ctime time.Time
	locked       bool

	data   []byte
	synced memImage
	// writes are the changes of data since the last Sync, in order.
	writes []memWrite

	entries map[string]*memNode // of a folder, as running programs see them
	durable map[string]*memNode // of a folder, as of its last SyncDir
}

// memImage is what a file is after its last Sync.
type memImage struct {
	data  []byte
	mode  fs.FileMode
	mtime time.Time
}

// memWrite is one write that may be lost; a truncation has no data.
type memWrite struct {
	off      int64
	data     []byte
	truncate bool
}

// entryChange is one entry of a folder that was set (node) or removed (nil).
type entryChange struct {
	dir  *memNode
	name string
	node *memNode
	// needs is the change without which this one cannot be durable: the old
	// name of a rename goes only when the new one is there.
	needs *entryChange
	// goneDir and goneName are the old name of a folder: no file system lets a
	// folder have two names, so both change together.
	goneDir  *memNode
	goneName string
}

// NewMem returns an empty folder; now is its clock.
func NewMem(now func() time.Time) *Mem {
	m := &Mem{now: now}
	m.root = m.newNode(fs.ModeDir | 0o755)
	return m
}

func (m *Mem) newNode(mode fs.FileMode) *memNode {
	m.lastIno++
	t := m.now()
	n := &memNode{ino: m.lastIno, mode: mode, mtime: t, ctime: t}
	n.synced = memImage{mode: mode, mtime: t}
	if mode.IsDir() {
		n.entries = map[string]*memNode{}
		n.durable = map[string]*memNode{}
	}
	return n
}

// find returns the node of a name.
func (m *Mem) find(op, name string) (*memNode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: errors.New("path escapes from parent")}
	}
	n := m.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if n.entries == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		next := n.entries[part]
		if next == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		n = next
	}
	return n, nil
}

// parent returns the folder that a name is in, and the name's last part.
func (m *Mem) parent(op, name string) (*memNode, string, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: errors.New("path escapes from parent")}
	}
	dir, err := m.find(op, path.Dir(name))
	if err != nil {
		return nil, "", err
	}
	if dir.entries == nil {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
	}
	return dir, path.Base(name), nil
}

// set changes one entry, not durably.
func (m *Mem) set(dir *memNode, name string, node *memNode, needs *entryChange) *entryChange {
	if node == nil {
		delete(dir.entries, name)
	} else {
		dir.entries[name] = node
	}
	dir.mtime, dir.ctime = m.now(), m.now()
	c := &entryChange{dir: dir, name: name, node: node, needs: needs}
	m.pending = append(m.pending, c)
	return c
}

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
