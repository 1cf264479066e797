package vfs

import (
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"slices"
)

// SyncDir implements [FS].
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("syncdir", name)
	if err != nil {
		return err
	}
	m.syncNode(n)
	return nil
}

// syncNode makes a file's content, or a folder's entries, durable.
func (m *Mem) syncNode(n *memNode) {
	n.synced = memImage{data: n.data, mode: n.mode, mtime: n.mtime}
	n.writes = nil
	if n.entries == nil {
		return
	}
	// A removal whose new name stands in another folder takes that along.
	commit := map[*entryChange]bool{}
	for _, c := range m.pending {
		if c.dir == n || c.goneDir == n {
			commit[c] = true
			if c.needs != nil {
				commit[c.needs] = true
			}
		}
	}
	m.commit(commit)
}

// commit makes changes durable. An earlier change of the same entry that is not
// among them is overtaken and forgotten.
func (m *Mem) commit(chosen map[*entryChange]bool) {
	type slot struct {
		dir  *memNode
		name string
	}
	last := map[slot]int{}
	for i, c := range m.pending {
		if chosen[c] {
			last[slot{c.dir, c.name}] = i
			c.apply()
		}
	}
	var rest []*entryChange
	for i, c := range m.pending {
		if l, ok := last[slot{c.dir, c.name}]; !chosen[c] && (!ok || i > l) {
			rest = append(rest, c)
		}
	}
	m.pending = rest
}

func (c *entryChange) apply() {
	if c.node == nil {
		delete(c.dir.durable, c.name)
	} else {
		c.dir.durable[c.name] = c.node
	}
	if c.goneDir != nil {
		delete(c.goneDir.durable, c.goneName)
	}
}

// Fate is what a power loss does to one thing that is not durable.
type Fate int

// The fates. Torn is for a write of which the first half is there; for anything
// else it means Lost.
const (
	Lost Fate = iota
	Kept
	Torn
)

// Clone returns a copy as a killed process leaves it: nothing is lost, nobody
// holds a lock, and what is not durable still is not.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := copier{nodes: map[*memNode]*memNode{}}
	out := &Mem{now: m.now, lastIno: m.lastIno, root: c.node(m.root), space: m.space}
	changes := map[*entryChange]*entryChange{}
	for _, p := range m.pending {
		n := &entryChange{dir: c.node(p.dir), name: p.name, node: c.node(p.node), needs: changes[p.needs],
			goneDir: c.node(p.goneDir), goneName: p.goneName}
		changes[p] = n
		out.pending = append(out.pending, n)
	}
	return out
}

// copier copies a graph of nodes, each once.
type copier struct{ nodes map[*memNode]*memNode }

func (c copier) node(n *memNode) *memNode {
	if n == nil {
		return nil
	}
	if done := c.nodes[n]; done != nil {
		return done
	}
	out := new(memNode)
	*out = *n
	c.nodes[n] = out
	out.locked = false
	out.writes = slices.Clone(n.writes)
	out.entries, out.durable = c.entries(n.entries), c.entries(n.durable)
	return out
}

func (c copier) entries(list map[string]*memNode) map[string]*memNode {
	if list == nil {
		return nil
	}
	out := make(map[string]*memNode, len(list))
	for name, n := range list {
		out[name] = c.node(n)
	}
	return out
}

// Unsynced counts the things that a power loss could take now; they are numbered
// from 0, changes of entries first.
func (m *Mem) Unsynced() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.pending)
	for _, node := range m.dirtyNodes() {
		n += len(node.writes) + 1
	}
	return n
}

// Unsynceds describes the things that a power loss could take, in the order of
// their numbers.
func (m *Mem) Unsynceds() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []string
	for _, c := range m.pending {
		what := "entry"
		if c.node == nil {
			what = "removal"
		}
		list = append(list, fmt.Sprintf("%s %q in inode %d", what, c.name, c.dir.ino))
	}
	for _, n := range m.dirtyNodes() {
		for range n.writes {
			list = append(list, fmt.Sprintf("write to inode %d", n.ino))
		}
		list = append(list, fmt.Sprintf("attributes of inode %d", n.ino))
	}
	return list
}

// dirtyNodes returns the files with unsynced content or attributes, by inode.
func (m *Mem) dirtyNodes() []*memNode {
	seen := map[*memNode]bool{}
	var visit func(n *memNode)
	visit = func(n *memNode) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		for _, child := range n.entries {
			visit(child)
		}
		for _, child := range n.durable {
			visit(child)
		}
	}
	visit(m.root)
	for _, c := range m.pending {
		visit(c.node)
	}
	return slices.SortedFunc(func(yield func(*memNode) bool) {
		for n := range maps.Keys(seen) {
			dirty := len(n.writes) > 0 || n.mode != n.synced.mode || !n.mtime.Equal(n.synced.mtime)
			if dirty && n.entries == nil && !yield(n) {
				return
			}
		}
	}, func(a, b *memNode) int { return int(a.ino) - int(b.ino) })
}

// PowerLoss returns what is there after the machine went down and came up again;
// fate decides over each unsynced thing by its number (see [Mem.Unsynced]). m
// itself is not changed.
func (m *Mem) PowerLoss(fate func(i int) Fate) *Mem {
	out := m.Clone()
	i := 0
	kept := map[*entryChange]bool{}
	for _, c := range out.pending {
		if fate(i) == Kept && (c.needs == nil || kept[c.needs] || !slices.Contains(out.pending, c.needs)) {
			kept[c] = true
			c.apply()
		}
		i++
	}
	for _, n := range out.dirtyNodes() {
		i = n.lose(i, fate)
	}
	out.pending = nil
	out.reboot(out.root)
	return out
}

// lose rebuilds a file from its durable image and the writes that survive; the
// last thing of a file is its attributes.
func (n *memNode) lose(i int, fate func(int) Fate) int {
	data := n.synced.data
	for _, w := range n.writes {
		switch fate(i) {
		case Kept:
			data = w.apply(data)
		case Torn:
			w.data = w.data[:len(w.data)/2]
			data = w.apply(data)
		}
		i++
	}
	if fate(i) != Kept {
		n.mode, n.mtime = n.synced.mode, n.synced.mtime
	}
	n.data, n.writes = data, nil
	n.synced = memImage{data: data, mode: n.mode, mtime: n.mtime}
	return i + 1
}

// reboot makes the durable entries the ones that programs see.
func (m *Mem) reboot(n *memNode) {
	if n.durable == nil {
		n.writes = nil
		n.synced = memImage{data: n.data, mode: n.mode, mtime: n.mtime}
		return
	}
	n.entries = maps.Clone(n.durable)
	n.mode |= fs.ModeDir
	for _, child := range n.entries {
		m.reboot(child)
	}
}

// Sum is a hash of everything that a program can see: names, inodes, modes, times
// and contents. Two states of one history with the same sum are the same to whoever
// starts on them, as long as no power loss follows.
func (m *Mem) Sum(seed maphash.Seed) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var h maphash.Hash
	h.SetSeed(seed)
	m.root.sum(&h, ".")
	return h.Sum64()
}

func (n *memNode) sum(h *maphash.Hash, name string) {
	maphash.WriteComparable(h, struct {
		name         string
		ino          uint64
		mode         fs.FileMode
		mtime, ctime int64
		size         int
	}{name, n.ino, n.mode, n.mtime.UnixNano(), n.ctime.UnixNano(), len(n.data)})
	h.Write(n.data)
	for _, child := range slices.Sorted(maps.Keys(n.entries)) {
		n.entries[child].sum(h, name+"/"+child)
	}
}

// SyncAll makes everything durable, as a machine at rest does in time.
func (m *Mem) SyncAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	chosen := map[*entryChange]bool{}
	for _, c := range m.pending {
		chosen[c] = true
	}
	m.commit(chosen)
	for _, n := range m.dirtyNodes() {
		m.syncNode(n)
	}
}
