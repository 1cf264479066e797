package gitpush

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// maxPointer is how long a pointer may be (the Git LFS specification).
const maxPointer = 1024

// pointer is what a blob says that Git LFS keeps elsewhere.
type pointer struct {
	sha256 string
	size   int64
}

// parsePointer reads a pointer by the Git LFS specification, version 1: lines of a key
// and a value, the version first. Whatever is none is an ordinary file.
func parsePointer(text string) (p pointer, ok bool) {
	rest, ok := strings.CutPrefix(text, "version https://git-lfs.github.com/spec/v1\n")
	if !ok {
		rest, ok = strings.CutPrefix(text, "version https://hawser.github.com/spec/v1\n")
	}
	if !ok || len(text) > maxPointer {
		return p, false
	}
	sized := false
	for line := range strings.Lines(rest) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "oid":
			sum, found := strings.CutPrefix(value, "sha256:")
			if !found || len(sum) != 64 || !isHex(sum) || p.sha256 != "" {
				return pointer{}, false
			}
			p.sha256 = sum
		case "size":
			size, err := strconv.ParseInt(value, 10, 64)
			if err != nil || size < 0 || sized {
				return pointer{}, false
			}
			p.size, sized = size, true
		}
	}
	return p, p.sha256 != "" && sized
}

// pointer reads an entry of a tree as a pointer; nil if it is none.
func (r *Repository) pointer(e gitobject.TreeEntry) (*pointer, error) {
	o, err := r.open(e.Hash)
	if err != nil {
		return nil, err
	}
	o.Close()
	if o.kind != plumbing.BlobObject || o.size > maxPointer {
		return nil, nil
	}
	m, err := r.small(e.Hash, plumbing.BlobObject)
	if err != nil {
		return nil, err
	}
	if p, ok := parsePointer(string(bytesOf(m))); ok {
		return &p, nil
	}
	return nil, nil
}

// UseLFS says where the store of Git LFS objects is, if not in lfs/objects of the
// bare repository.
func (r *Repository) UseLFS(store string) error {
	if store == "" {
		return nil
	}
	if !filepath.IsAbs(store) {
		store = filepath.Join(r.Path, store)
	}
	dir, err := vfs.OpenDir(store)
	if err != nil {
		return &report.Error{Stage: "push", Code: report.CodeUsage, Kind: report.KindUsage, File: store, Err: err, Hint: "mmpush.lfs names the folder of the Git LFS objects"}
	}
	r.lfs = dir
	return nil
}

// name is the file of an object in a store.
func (p pointer) name() string { return path.Join(p.sha256[:2], p.sha256[2:4], p.sha256) }

// lfsFile is where the object of a pointer lies.
func (r *Repository) lfsFile(p pointer) (vfs.FS, string) {
	if r.lfs != nil {
		return r.lfs, p.name()
	}
	return r.FS, path.Join("lfs/objects", p.name())
}

// missing says why the object of a pointer cannot be used; nothing if it can.
func (r *Repository) missing(p pointer) string {
	fsys, name := r.lfsFile(p)
	info, err := fsys.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "its object is not in the LFS store of the server"
	case err != nil:
		return "its object cannot be read: " + err.Error()
	case !info.IsRegular():
		return "its object is a " + vfs.TypeName(info.Mode)
	case info.Size != p.size:
		return fmt.Sprintf("its object has %d bytes and not %d", info.Size, p.size)
	}
	return ""
}

func (r *Repository) openLFS(p pointer) (vfs.File, error) {
	fsys, name := r.lfsFile(p)
	return fsys.Open(name)
}
