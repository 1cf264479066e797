package gitpush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// maxSmall bounds the objects that are read into memory: commits, tags, trees.
	maxSmall = 16 << 20
	// maxTags is how many tags may stand before a commit.
	maxTags = 16
)

// Repository is an open bare repository. It is for one goroutine.
type Repository struct {
	// Path is the folder of the bare repository, absolute.
	Path string
	// FS is that folder.
	FS  vfs.FS
	dir *vfs.Dir
	git git
	// folders are the quarantine, if there is one, and the repository's own objects.
	folders []*objectFolder
	check   *talk
	batch   *talk
	// lfs is the store of Git LFS objects; nil if there is none.
	lfs *vfs.Dir
	// trees are the last trees that were read; empty are those without a manifest in
	// them.
	trees map[ID]*gitobject.Tree
	empty map[ID]bool
	ctx   context.Context
}

// Open opens the bare repository at a path, with what the environment of a hook says
// about its objects. Close it at the end; ctx is for everything that is read. wrap, if
// not nil, is put around what is written.
func Open(ctx context.Context, at string, environ []string, wrap func(vfs.FS) vfs.FS) (*Repository, error) {
	abs, err := filepath.Abs(at)
	if err != nil {
		return nil, noRepository(at, err)
	}
	dir, err := vfs.OpenDir(abs)
	if err != nil {
		return nil, noRepository(at, err)
	}
	r := &Repository{
		Path: abs, FS: dir, dir: dir, git: newGit(abs, environ), ctx: ctx,
		trees: map[ID]*gitobject.Tree{}, empty: map[ID]bool{},
	}
	if wrap != nil {
		r.FS = wrap(dir)
	}
	for _, name := range []string{"objects", "HEAD"} {
		if _, err := dir.Lstat(name); err != nil {
			r.Close()
			return nil, noRepository(at, errors.New("is not a bare git repository: it has no "+name))
		}
	}
	for _, name := range objectFolders(abs, environ) {
		o, err := openObjects(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.Close()
			return nil, noRepository(at, err)
		}
		r.folders = append(r.folders, o)
	}
	return r, nil
}

// objectFolders are where the objects of this push may lie as a whole.
func objectFolders(abs string, environ []string) []string {
	own := filepath.Join(abs, "objects")
	for _, v := range environ {
		quarantine, ok := strings.CutPrefix(v, "GIT_OBJECT_DIRECTORY=")
		if !ok || quarantine == "" {
			continue
		}
		if !filepath.IsAbs(quarantine) {
			// git starts a hook in the bare repository.
			quarantine = filepath.Join(abs, quarantine)
		}
		if filepath.Clean(quarantine) != own {
			return []string{quarantine, own}
		}
	}
	return []string{own}
}

func noRepository(at string, err error) error {
	return &report.Error{
		Stage: "push", Code: report.CodeUsage, Kind: report.KindUsage, File: at, Err: err,
		Hint: "name a bare git repository with --git-dir; git init --bare makes one",
	}
}

// Close ends the programs and closes the files.
func (r *Repository) Close() {
	for _, t := range []*talk{r.check, r.batch} {
		if t != nil {
			t.end()
		}
	}
	for _, o := range r.folders {
		o.close()
	}
	if r.lfs != nil {
		_ = r.lfs.Close()
	}
	_ = r.dir.Close()
}

// open opens an object, wherever it is.
func (r *Repository) open(id ID) (object, error) {
	for _, o := range r.folders {
		found, err := o.open(id)
		if err == nil || !errors.Is(err, errElsewhere) {
			return found, r.failed(err)
		}
	}
	kind, size, err := r.ask(id)
	if err != nil {
		return object{}, err
	}
	if kind == plumbing.BlobObject && size > maxSmall {
		out, err := r.git.blob(r.ctx, id)
		return object{kind, size, out}, r.failed(err)
	}
	if size > maxSmall {
		return object{kind, size, io.NopCloser(bytes.NewReader(nil))}, nil
	}
	if r.batch == nil {
		if r.batch, err = r.git.startTalk(r.ctx, "--batch"); err != nil {
			return object{}, r.failed(err)
		}
	}
	data, err := r.batch.content(id, size)
	return object{kind, size, io.NopCloser(bytes.NewReader(data))}, r.failed(err)
}

// ask is what git says of an object.
func (r *Repository) ask(id ID) (plumbing.ObjectType, int64, error) {
	var err error
	if r.check == nil {
		if r.check, err = r.git.startTalk(r.ctx, "--batch-check"); err != nil {
			return 0, 0, r.failed(err)
		}
	}
	kind, size, err := r.check.ask(id)
	return kind, size, r.failed(err)
}

// failed is about objects that cannot be read.
func (r *Repository) failed(err error) error {
	if err == nil {
		return nil
	}
	if r.ctx.Err() != nil {
		return &report.Error{Stage: "push", Code: report.CodeStopped, File: r.Path, Err: r.ctx.Err()}
	}
	e := &report.Error{Stage: "push", Code: report.CodeDisk, File: r.Path, Err: err}
	e.Hint = "git fsck looks at the repository's objects"
	return e
}

// small reads an object of a kind into memory; nil if it is of another kind.
func (r *Repository) small(id ID, kind plumbing.ObjectType) (*plumbing.MemoryObject, error) {
	o, err := r.open(id)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.kind != kind {
		return nil, nil
	}
	if o.size > maxSmall {
		return nil, tooLarge(fmt.Sprintf("the %s %s has %d bytes; at most %d are read", kind, id, o.size, int64(maxSmall)))
	}
	m := &plumbing.MemoryObject{}
	m.SetType(kind)
	n, err := io.Copy(m, io.LimitReader(o, o.size+1))
	if err == nil && n != o.size {
		err = fmt.Errorf("object %s: %d bytes of %d", id, n, o.size)
	}
	return m, r.failed(err)
}

// Refusal is an answer of this room that ends the look at a ref.
type Refusal struct{ Findings []report.Finding }

func (r *Refusal) Error() string { return r.Findings[0].String() }

func tooLarge(text string) error {
	return &Refusal{[]report.Finding{{Code: report.CodeLimit, Severity: report.SeverityError, Message: text}}}
}

// peel follows tags and commits to a tree; zero if there is none behind the id. The
// commit is zero if a tag names a tree.
func (r *Repository) peel(id ID) (commit, tree ID, err error) {
	for range maxTags {
		o, err := r.open(id)
		if err != nil {
			return commit, tree, err
		}
		o.Close()
		switch o.kind {
		case plumbing.TreeObject:
			return commit, id, nil
		case plumbing.CommitObject:
			var c gitobject.Commit
			if err := r.decode(id, o.kind, &c); err != nil {
				return commit, tree, err
			}
			commit, id = id, c.TreeHash
		case plumbing.TagObject:
			var t gitobject.Tag
			if err := r.decode(id, o.kind, &t); err != nil {
				return commit, tree, err
			}
			id = t.Target
		default:
			return commit, tree, nil
		}
	}
	return commit, tree, tooLarge(fmt.Sprintf("more than %d tags stand before a commit", maxTags))
}

// decode reads and parses an object.
func (r *Repository) decode(id ID, kind plumbing.ObjectType, to interface {
	Decode(plumbing.EncodedObject) error
}) error {
	m, err := r.small(id, kind)
	if err != nil {
		return err
	}
	if m == nil {
		return malformed("", fmt.Sprintf("%s is not a %s", id, kind))
	}
	if err := to.Decode(m); err != nil {
		return malformed("", fmt.Sprintf("the %s %s cannot be read: %v", kind, id, err))
	}
	return nil
}

// malformed refuses what no git would write.
func malformed(file, text string) error {
	return &Refusal{[]report.Finding{gitFinding(file, text, "git fsck tells more; make the commit again with git itself")}}
}

func gitFinding(file, text, hint string) report.Finding {
	return report.Finding{Code: report.CodeGit, Severity: report.SeverityError, File: file, Message: text, Hint: hint}
}
