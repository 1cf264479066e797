package gitpush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// Upload opens a manifest with its files as an upload. What is wrong with the manifest
// or, for the architecture, with the files as entries of the tree are the findings.
func (r *Repository) Upload(ctx context.Context, p Place, arch string) (upload.Upload, []report.Finding, error) {
	t, err := r.tree(p.tree)
	if err != nil {
		return upload.Upload{}, nil, err
	}
	f := r.folderOf(t, p.Dir)
	u, findings, err := upload.Open(ctx, f, ".", p.Name)
	if err != nil || u.Manifest == nil || report.Refused(findings) {
		return u, findings, err
	}
	more, err := f.look(u, arch)
	return u, append(findings, more...), err
}

// Folder is the folder that a place is in, with the files of the tree; it can only be
// read.
func (r *Repository) Folder(p Place) (vfs.FS, error) {
	t, err := r.tree(p.tree)
	if err != nil {
		return nil, err
	}
	return r.folderOf(t, p.Dir), nil
}

func (r *Repository) folderOf(t *gitobject.Tree, dir string) *folder {
	f := &folder{r: r, dir: dir, entries: map[string]gitobject.TreeEntry{}}
	for _, e := range t.Entries {
		f.entries[e.Name] = e
	}
	return f
}

// folder is a folder of a tree as a file system that can only be read. LFS pointers
// stand for what they point at.
type folder struct {
	vfs.FS
	r       *Repository
	dir     string
	entries map[string]gitobject.TreeEntry
}

// Path is for messages.
func (f *folder) Path() string { return f.dir }

// look says which declared files are no blobs, or pointers to nothing.
func (f *folder) look(u upload.Upload, arch string) ([]report.Finding, error) {
	var list []report.Finding
	for _, name := range declaredNames(u.Manifest, arch) {
		e, ok := f.entries[name]
		if !ok {
			continue // the line tells
		}
		at := path.Join(f.dir, name)
		if kind := kindOf(e.Mode); kind != "file" {
			list = append(list, gitFinding(at, fmt.Sprintf("the declared file is a %s, not a file", kind), "commit the file itself"))
			continue
		}
		p, err := f.r.pointer(e)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		if problem := f.r.missing(*p); problem != "" {
			list = append(list, report.Finding{
				Code: report.CodeLFS, Severity: report.SeverityError, File: at, Expected: p.sha256,
				Message: "the file is a Git LFS pointer, but " + problem, Hint: "git lfs push --all REMOTE, and push again",
			})
		}
	}
	return list, nil
}

// Open implements [vfs.FS].
func (f *folder) Open(name string) (vfs.File, error) {
	e, err := f.entry("open", name)
	if err != nil {
		return nil, err
	}
	if kind := kindOf(e.Mode); kind != "file" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("is a %s, not a file", kind)}
	}
	p, err := f.r.pointer(e)
	if err != nil {
		return nil, err
	}
	if p != nil {
		return f.r.openLFS(*p)
	}
	o, err := f.r.open(e.Hash)
	if err != nil {
		return nil, err
	}
	if o.kind != plumbing.BlobObject {
		o.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("is a %s, not a blob", o.kind)}
	}
	return &blobFile{name: path.Base(name), size: o.size, from: o.ReadCloser}, nil
}

// Lstat implements [vfs.FS]; of a file it knows no size.
func (f *folder) Lstat(name string) (vfs.Info, error) {
	e, err := f.entry("lstat", name)
	if err != nil {
		return vfs.Info{}, err
	}
	info := vfs.Info{Name: e.Name}
	switch e.Mode {
	case filemode.Dir:
		info.Mode = fs.ModeDir
	case filemode.Symlink:
		info.Mode = fs.ModeSymlink
	case filemode.Submodule:
		info.Mode = fs.ModeIrregular
	}
	return info, nil
}

func (f *folder) entry(op, name string) (gitobject.TreeEntry, error) {
	e, ok := f.entries[path.Clean(name)]
	if !ok {
		return e, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return e, nil
}

// blobFile is a blob on its way out of the repository. It can be read once, from its
// first byte to its last.
type blobFile struct {
	vfs.File
	name string
	size int64
	from io.ReadCloser
}

// Read implements [vfs.File].
func (b *blobFile) Read(p []byte) (int, error) { return b.from.Read(p) }

// Close implements [vfs.File].
func (b *blobFile) Close() error { return b.from.Close() }

// Stat implements [vfs.File].
func (b *blobFile) Stat() (vfs.Info, error) {
	return vfs.Info{Name: b.name, Size: b.size, Mode: 0o644, Links: 1}, nil
}

// ReadAt implements [vfs.File]: nobody who reads an upload jumps.
func (b *blobFile) ReadAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// Sync implements [vfs.File].
func (b *blobFile) Sync() error { return errors.ErrUnsupported }

// bytesOf is the content of a small object.
func bytesOf(m *plumbing.MemoryObject) []byte {
	if m == nil {
		return nil
	}
	r, err := m.Reader()
	if err != nil {
		return nil
	}
	data, _ := io.ReadAll(r) // memory does not fail
	return data
}
