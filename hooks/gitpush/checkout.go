package gitpush

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mmpush/mmpush/core/vfs"
)

// Checkout writes the tree of a commit into an empty folder, with files, folders and
// the links that stay inside. A submodule is an empty folder. No filter and no hook
// runs; LFS pointers become what they point at, if that is here.
func (r *Repository) Checkout(ctx context.Context, tree ID, to *vfs.Dir) error {
	c := checkout{ctx: ctx, r: r, to: to}
	return c.folder(tree, ".", 0)
}

type checkout struct {
	ctx     context.Context
	r       *Repository
	to      *vfs.Dir
	entries int
}

func (c *checkout) folder(id ID, dir string, depth int) error {
	if err := c.ctx.Err(); err != nil {
		return c.r.failed(err)
	}
	if depth > maxDepth {
		return tooLarge(fmt.Sprintf("a folder lies %d folders deep; at most %d are checked out", depth, maxDepth))
	}
	t, err := c.r.tree(id)
	if err != nil {
		return err
	}
	if c.entries += len(t.Entries); c.entries > maxEntries {
		return tooLarge(fmt.Sprintf("the tree has more than %d entries", maxEntries))
	}
	for _, e := range t.Entries {
		if problem := badName(e.Name); problem != "" {
			return malformed(path.Join(dir, e.Name), "the tree has an entry "+problem)
		}
		if err := c.entry(e, path.Join(dir, e.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *checkout) entry(e gitobject.TreeEntry, name string, depth int) error {
	switch e.Mode {
	case filemode.Dir:
		if err := c.to.Mkdir(name, 0o755); err != nil {
			return c.r.failed(err)
		}
		return c.folder(e.Hash, name, depth+1)
	case filemode.Submodule:
		return c.r.failed(c.to.Mkdir(name, 0o755))
	case filemode.Symlink:
		return c.link(e, name)
	case filemode.Executable:
		return c.file(e, name, 0o755)
	}
	return c.file(e, name, 0o644)
}

func (c *checkout) link(e gitobject.TreeEntry, name string) error {
	m, err := c.r.small(e.Hash, plumbing.BlobObject)
	if err != nil {
		return err
	}
	target := string(bytesOf(m))
	if at := path.Join(path.Dir(name), target); target == "" || path.IsAbs(target) || at == ".." || len(at) > 2 && at[:3] == "../" || turnsBack(target) {
		return malformed(name, "the link leads out of the tree")
	}
	return c.r.failed(c.to.Symlink(target, name))
}

// turnsBack reports whether a path goes down and then up again: what it goes down by
// may be a link, so nobody knows where up leads.
func turnsBack(target string) bool {
	down := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && down {
			return true
		}
		down = down || part != ".." && part != "." && part != ""
	}
	return false
}

func (c *checkout) file(e gitobject.TreeEntry, name string, mode fs.FileMode) error {
	f := &folder{r: c.r, entries: map[string]gitobject.TreeEntry{e.Name: e}}
	if p, err := c.r.pointer(e); err != nil {
		return err
	} else if p != nil && c.r.missing(*p) != "" {
		return malformed(name, "the file is a Git LFS pointer, but "+c.r.missing(*p))
	}
	from, err := f.Open(e.Name)
	if err != nil {
		return c.r.failed(err)
	}
	defer from.Close()
	to, err := c.to.Create(name, mode)
	if err != nil {
		return c.r.failed(err)
	}
	_, err = io.Copy(to, from)
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	return c.r.failed(err)
}
