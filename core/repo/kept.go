package repo

import (
	"errors"
	"path"
	"strings"
	"syscall"

	"github.com/mmpush/mmpush/core/vfs"
)

// Of the last generation a second name of each index file is kept in .mmpush, so that
// what another program has made of the indexes since can be told. It costs no copy; on
// a file system that knows one name a file there is none. The files of the generation
// before it go when the next change begins: to delete them takes the disk as long as to
// write them, and then there is other work meanwhile.

func keptName(transaction, index string) string {
	return path.Join(MetaDir, keptPrefix+transaction+"-"+index)
}

// KeepIndex gives the new index file, staged as from, the name under which the
// generation keeps it. The sync of .mmpush that makes the journal durable makes the
// name so too.
func (r *Repo) KeepIndex(transaction, index, from string) error {
	l, ok := r.FS.(vfs.Linker)
	if !ok {
		return nil
	}
	err := l.Link(from, keptName(transaction, index))
	for _, cannot := range []error{errors.ErrUnsupported, syscall.EPERM, syscall.EACCES, syscall.EMLINK, syscall.EXDEV} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	return err
}

// OldKept returns what others than the last generation have kept of the index files, for
// whoever holds the lock to delete.
func (r *Repo) OldKept() []string {
	last, _, err := r.LastGeneration()
	if err != nil || last.Number == 0 {
		return nil
	}
	list, err := r.FS.ReadDir(MetaDir)
	if err != nil {
		return nil
	}
	var old []string
	for _, i := range list {
		if strings.HasPrefix(i.Name, keptPrefix) && !strings.HasPrefix(i.Name, keptPrefix+last.Transaction+"-") {
			old = append(old, path.Join(MetaDir, i.Name))
		}
	}
	return old
}

// Kept returns where the index files of a generation are kept, by their names; nil if
// one of them is not there with its bytes.
func (r *Repo) Kept(g Generation) (map[string]string, error) {
	kept := map[string]string{}
	for _, i := range g.Indexes {
		name := keptName(g.Transaction, i.Name)
		ok, err := r.isIndex(name, i)
		if err != nil || !ok {
			return nil, err
		}
		kept[i.Name] = name
	}
	return kept, nil
}

// Wrote reports whether the published index files are those of a generation. A file
// that was copied, or restored, is read: its bytes decide.
func (r *Repo) Wrote(g Generation) (bool, error) {
	for _, i := range g.Indexes {
		id, err := Identify(r.FS, i.Name)
		if err != nil {
			return false, DiskError("history", path.Join(r.Path, i.Name), err)
		}
		if id.SameFile(i.Identity) {
			continue
		}
		if ok, err := r.isIndex(i.Name, i); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// isIndex reports whether a file has the bytes of an index file.
func (r *Repo) isIndex(name string, want IndexState) (bool, error) {
	fail := func(err error) (bool, error) { return false, DiskError("history", path.Join(r.Path, name), err) }
	info, err := r.FS.Lstat(name)
	if isNotExist(err) || err == nil && (!info.IsRegular() || info.Size != want.Size) {
		return false, nil
	}
	if err != nil {
		return fail(err)
	}
	sum, err := vfs.SHA256(r.FS, name)
	if err != nil {
		return fail(err)
	}
	return sum == want.SHA256, nil
}
