package vfs

import (
	"errors"
	"io/fs"
	"path"
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
