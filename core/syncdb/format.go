package syncdb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// KindName is what the settings and the metadata file call this kind of repository.
const KindName = "pacman"

// AnyArch is the architecture of a repository that takes packages of all of them.
const AnyArch = "any"

// maxName bounds a repository's name, in bytes.
const maxName = 64

// maxDatabase bounds a database as it is stored, in bytes: 100,000 packages have some
// hundred megabytes.
const maxDatabase = 1 << 30

// ValidName reports whether a repository may have that name: it is a section of
// pacman.conf, and pacman keeps "local" for itself.
func ValidName(s string) bool { return alpm.ValidName(s) && len(s) <= maxName && s != "local" }

// Format is the kind of repository that pacman reads. Its one index is the link to the
// folder with both databases.
type Format struct {
	// Name is the repository's: NAME.db is what pacman fetches.
	Name string
}

var _ repo.Maker = Format{}

// Kind implements [repo.Format].
func (Format) Kind() string { return KindName }

// Called implements [repo.Maker].
func (f Format) Called() string { return f.Name }

// Indexes implements [repo.Format].
func (f Format) Indexes() []string { return []string{f.current()} }

// Empty implements [repo.Format]; [Format.Make] does it.
func (Format) Empty(string) []byte { return nil }

// current is the link to the folder of the generation that is served.
func (f Format) current() string { return f.Name + ".current" }

// folder holds a folder for each generation that may still be read. Its name begins
// with a dot, which no package's does.
func (f Format) folder() string { return "." + f.Name + ".db" }

func (f Format) file(k Kind) string { return f.Name + [...]string{".db", ".files"}[k] + ".tar.gz" }

// links are the names that clients ask for, and what they say; those of the signatures
// are only there where the databases are signed.
func (f Format) links(signed bool) [][2]string {
	var list [][2]string
	for _, end := range []string{"", signatureEnd} {
		for _, k := range []Kind{DB, Files} {
			file := f.file(k)
			list = append(list, [2]string{strings.TrimSuffix(file, ".tar.gz") + end, file + end}, [2]string{file + end, f.current() + "/" + file + end})
		}
		if !signed {
			break
		}
	}
	return list
}

// isSigned reports whether the databases in a folder are.
func (f Format) isSigned(fsys vfs.FS, folder string) (bool, error) {
	_, err := fsys.Lstat(path.Join(folder, f.file(DB)+signatureEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// errElse says that something of another program stands where our link is to be.
var errElse = errors.New("is not the link that mmpush has made: another program, such as repo-add, has written it")

// Make implements [repo.Maker].
func (f Format) Make(fsys vfs.FS) error {
	if err := f.checkLinks(fsys, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	first := path.Join(f.folder(), "empty")
	for _, dir := range []string{f.folder(), first} {
		if err := fsys.Mkdir(dir, repo.FolderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	text, err := emptyDatabase()
	if err != nil {
		return err
	}
	for _, k := range []Kind{DB, Files} {
		name := path.Join(first, f.file(k))
		if err := vfs.ReplaceFile(fsys, name, name+".new", repo.FileMode, text); err != nil {
			return err
		}
	}
	for _, dir := range []string{f.folder(), "."} {
		if err := fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	return f.makeLinks(fsys, first, repo.MetaDir, false)
}

// makeLinks makes the links that are not there, the outermost last, by way of names in a
// folder.
func (f Format) makeLinks(fsys vfs.FS, folder, in string, signed bool) error {
	for _, l := range append([][2]string{{f.current(), folder}}, f.links(signed)...) {
		if _, err := fsys.Lstat(l[0]); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		temp := path.Join(in, l[0]+".new")
		if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := fsys.Symlink(l[1], temp); err != nil {
			return err
		}
		if err := fsys.Rename(temp, l[0]); err != nil {
			return err
		}
	}
	return fsys.SyncDir(".")
}

// checkLinks wants the names that clients ask for to be our links: who publishes behind
// them must not publish for nobody.
func (f Format) checkLinks(fsys vfs.FS, signed bool) error {
	var missing error
	for _, l := range f.links(signed) {
		info, err := fsys.Lstat(l[0])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = err
			continue
		case err != nil:
			return err
		case info.Mode&fs.ModeSymlink == 0:
			return fmt.Errorf("%s %w", l[0], errElse)
		}
		if says, err := fsys.Readlink(l[0]); err != nil {
			return err
		} else if says != l[1] {
			return fmt.Errorf("%s %w", l[0], errElse)
		}
	}
	return missing
}

func emptyDatabase() ([]byte, error) {
	var b bytes.Buffer
	z := archive.NewGzipWriter(&b)
	if err := archive.NewTarWriter(z).Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// Names implements [repo.Format].
func (f Format) Names(fsys vfs.FS) (named func(string) (bool, error), done func(), err error) {
	s, err := f.read(fsys)
	if err != nil {
		return nil, nil, err
	}
	return namesOf(s.view, Edit{}, s.folder), s.close, nil
}

// namesOf tells what a view names after an edit.
func namesOf(v *View, e Edit, folder string) func(string) (bool, error) {
	put, gone := map[string]bool{}, e.gone()
	for _, p := range e.Put {
		put[p.FileName] = true
	}
	return func(file string) (bool, error) {
		name := strings.TrimSuffix(file, signatureEnd)
		if put[name] || strings.HasPrefix(file, folder+"/") {
			return true, nil
		}
		of, ok := v.names(name)
		return ok && !gone[of], nil
	}
}

// Open opens the pacman repository in a folder.
func Open(fsys vfs.FS, repoPath string) (*repo.Repo, error) {
	meta, err := repo.ReadMetadata(fsys, repoPath)
	if err != nil {
		return nil, err
	}
	if meta.Kind == KindName && !ValidName(meta.Name) {
		return nil, &report.Error{
			Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: path.Join(repoPath, repo.MetadataFile),
			Err:  fmt.Errorf("says that the repository is called %s, which no repository of pacman can be", report.Shown(meta.Name)),
			Hint: "it has to have the line name: NAME, as in NAME.db",
		}
	}
	return repo.Open(fsys, repoPath, Format{meta.Name})
}

// NameIn is the name of the package that a file says to be by its own name: NAME in
// NAME-VERSION-RELEASE-ARCH.pkg.tar.zst.
func NameIn(file string) string { return nameOf(cutLast(file)) }

// Published are the packages of these names that are served now; all of them if there
// are no names.
func Published(r *repo.Repo, names []string) ([]Desc, error) {
	f, ok := r.Format.(Format)
	if !ok {
		return nil, fmt.Errorf("%s is no repository of pacman", r.Path)
	}
	s, err := f.read(r.FS)
	if err != nil {
		return nil, r.Tell("plan", err)
	}
	defer s.close()
	var list []Desc
	if len(names) == 0 {
		for d, err := range s.view.All() {
			if err != nil {
				return nil, r.Tell("plan", f.readError(err))
			}
			list = append(list, d)
		}
	}
	for _, name := range names {
		d, ok, err := s.view.Package(name)
		if err != nil {
			return nil, r.Tell("plan", f.readError(err))
		}
		if ok {
			list = append(list, d)
		}
	}
	return list, nil
}
