package sets

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	groupFile  = "group.json"
	partFile   = ".part.json"
	lockFile   = "lock"
	partsLock  = repo.PartsDir + "/" + lockFile
	recordSize = 1 << 20
)

// group is what the parts of one source have in common.
type group struct {
	Set     string    `json:"set"`
	Source  string    `json:"source"`
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	Expects []string  `json:"expects"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// part is what has come for one architecture.
type part struct {
	Arch     string `json:"arch"`
	Manifest string `json:"manifest"`
	// Sum is the SHA-256 of the manifest.
	Sum       string        `json:"sum"`
	Who       string        `json:"who,omitempty"`
	Transport string        `json:"transport,omitempty"`
	Time      time.Time     `json:"time"`
	Size      int64         `json:"size"`
	Requests  plan.Requests `json:"requests"`
	// Files are the SHA-256 of its files, by name.
	Files map[string]string `json:"files,omitempty"`
	// Published: the repository has it, and there are no files here.
	Published bool `json:"published,omitempty"`
	// dir is its folder, below the repository.
	dir string
}

// id is the name of a key.
func id(set, source, version string) string {
	sum := sha256.Sum256([]byte(set + "\x00" + source + "\x00" + version))
	return hex.EncodeToString(sum[:8])
}

// shelf are the parts that wait in one repository.
type shelf struct{ repo *repo.Repo }

func groupDir(id string) string { return path.Join(repo.PartsDir, id) }

// lock takes a lock of the shelf, waiting at most so long; the lock is given back by
// unlock.
func (s shelf) lock(name string, wait time.Duration) (unlock func(), err error) {
	f, err := s.repo.FS.OpenLock(name, s.repo.PrivateFileMode())
	if err != nil {
		return nil, s.repo.Tell("parts", err)
	}
	began := s.repo.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err = f.TryLock()
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, vfs.ErrLocked) || s.repo.Now().Sub(began) >= wait {
			break
		}
		s.repo.Sleep(pause)
	}
	_ = f.Close()
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &report.Error{
			Stage: "parts", Code: report.CodeLocked, Kind: report.KindBusy, File: path.Join(s.repo.Path, name),
			Err: fmt.Errorf("is locked: the parts are being published or dropped by another process; waited %s", wait), Hint: "try again later",
		}
	}
	return nil, s.repo.Tell("parts", err)
}

// prepare makes the folder of a group.
func (s shelf) prepare(dirs ...string) error {
	if err := s.repo.Prepare(); err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := s.repo.FS.Mkdir(dir, s.repo.PrivateFolderMode()); err != nil && !errors.Is(err, fs.ErrExist) {
			return s.repo.Tell("parts", err)
		}
	}
	return nil
}

// group reads a group; nil if there is none.
func (s shelf) group(id string) (*group, error) {
	var g group
	ok, err := s.read(path.Join(groupDir(id), groupFile), &g)
	if err != nil || !ok {
		return nil, err
	}
	return &g, nil
}

func (s shelf) read(name string, to any) (bool, error) {
	text, err := vfs.ReadFile(s.repo.FS, name, recordSize)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return false, s.repo.Tell("parts", fmt.Errorf("%s: %w", name, err))
	}
	return true, nil
}

// parts are those of a group, the newest of each architecture, in the order of those.
func (s shelf) parts(id string) ([]part, error) {
	all, err := s.all(id)
	newest := map[string]part{}
	for _, p := range all {
		if before, ok := newest[p.Arch]; !ok || before.Time.Before(p.Time) {
			newest[p.Arch] = p
		}
	}
	return slices.SortedFunc(func(yield func(part) bool) {
		for _, p := range newest {
			if !yield(p) {
				return
			}
		}
	}, func(a, b part) int { return cmp.Compare(a.Arch, b.Arch) }), err
}

// all are the parts of a group, those that were replaced included.
func (s shelf) all(id string) ([]part, error) {
	entries, err := s.repo.FS.ReadDir(groupDir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, s.repo.Tell("parts", err)
	}
	var list []part
	for _, i := range entries {
		if !i.Mode.IsDir() {
			continue
		}
		p := part{}
		dir := path.Join(groupDir(id), i.Name)
		ok, err := s.read(path.Join(dir, partFile), &p)
		if err != nil {
			return list, err
		}
		if p.dir = dir; ok {
			list = append(list, p)
		}
	}
	return list, nil
}

// ids are those of all groups.
func (s shelf) ids() ([]string, error) {
	entries, err := s.repo.FS.ReadDir(repo.PartsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, s.repo.Tell("parts", err)
	}
	var list []string
	for _, i := range entries {
		if i.Mode.IsDir() {
			list = append(list, i.Name)
		}
	}
	return list, nil
}

// remove takes parts away, and the group if nothing is left of it. The caller holds the
// lock of the group.
func (s shelf) remove(id string, gone []part) error {
	unlock, err := s.lock(partsLock, time.Minute)
	if err != nil {
		return err
	}
	defer unlock()
	for _, p := range gone {
		if err := s.discard(p.dir); err != nil {
			return err
		}
	}
	left, err := s.all(id)
	if err != nil || len(left) > 0 {
		return err
	}
	return s.discard(groupDir(id))
}

// discard moves a folder out of the way at once, and deletes it.
func (s shelf) discard(dir string) error {
	trash := path.Join(repo.TrashDir, s.repo.NewID())
	err := s.repo.FS.Rename(dir, trash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.repo.FS.SyncDir(path.Dir(dir))
	}
	if err != nil {
		return s.repo.Tell("parts", err)
	}
	// What cannot be deleted now is swept by the next change.
	_ = vfs.RemoveAll(s.repo.FS, trash)
	return nil
}

// waiting is a group for people; nil if nothing in it waits.
func (s shelf) waiting(id string) (*report.Waiting, error) {
	g, err := s.group(id)
	if err != nil || g == nil {
		return nil, err
	}
	parts, err := s.parts(id)
	if err != nil {
		return nil, err
	}
	w := &report.Waiting{ID: id, Set: g.Set, Source: g.Source, Version: g.Version, SHA256: g.SHA256, Until: g.Until, Parts: []report.Part{}}
	waits := false
	for _, p := range parts {
		waits = waits || !p.Published
		w.Parts = append(w.Parts, report.Part{
			Architecture: p.Arch, Manifest: p.Manifest, Who: p.Who, Transport: p.Transport, Time: p.Time, Size: p.Size, Published: p.Published,
		})
	}
	for _, arch := range g.Expects {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.Arch == arch }) {
			w.Missing = append(w.Missing, arch)
		}
	}
	if !waits {
		return nil, nil
	}
	return w, nil
}

// Waiting are the groups that wait in a repository, the oldest first; what is past its
// deadline is dropped first.
func Waiting(r *repo.Repo) ([]report.Waiting, error) {
	if err := Expire(r); err != nil {
		return nil, err
	}
	s := shelf{r}
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	list := []report.Waiting{}
	for _, id := range ids {
		w, err := s.waiting(id)
		if err != nil {
			return nil, err
		}
		if w != nil {
			list = append(list, *w)
		}
	}
	slices.SortFunc(list, func(a, b report.Waiting) int { return a.Until.Compare(b.Until) })
	return list, nil
}

// Used is how many bytes of parts somebody has waiting in the set.
func (s *Set) Used(who string) (int64, error) {
	if len(s.Expects) == 0 {
		return 0, nil
	}
	return shelf{s.Home()}.used(who)
}

func (s shelf) used(who string) (int64, error) {
	ids, err := s.ids()
	if err != nil {
		return 0, err
	}
	var size int64
	for _, id := range ids {
		parts, err := s.all(id)
		if err != nil {
			return 0, err
		}
		for _, p := range parts {
			if p.Who == who {
				size += p.Size
			}
		}
	}
	return size, nil
}

// Expire drops the parts of the set that are past their deadline.
func (s *Set) Expire() error {
	if len(s.Expects) == 0 {
		return nil
	}
	return Expire(s.Home())
}

// Held finds the files of a manifest, by their SHA-256, in the parts of its source that
// somebody has waiting: names below the repository, which comes with them.
func (s *Set) Held(who string, m *manifest.Manifest) (*repo.Repo, map[string]string, error) {
	if len(s.Expects) == 0 {
		return nil, nil, nil
	}
	home, names := shelf{s.Home()}, map[string]string{}
	parts, err := home.parts(id(s.Name, m.Name, m.Version))
	for _, p := range parts {
		if p.Who != who || p.Published {
			continue
		}
		files := []manifest.File{m.Source}
		for _, b := range m.Packages(p.Arch) {
			files = append(files, b.File)
		}
		for _, f := range files {
			at := path.Join(p.dir, f.Name)
			if info, err := home.repo.FS.Lstat(at); err == nil && info.IsRegular() && info.Size == f.Size && p.Files[f.Name] == f.SHA256 {
				names[f.SHA256] = at
			}
		}
	}
	return home.repo, names, err
}

// Expire drops what is past its deadline in a repository. What is being published just now stays.
func Expire(r *repo.Repo) error {
	s := shelf{r}
	ids, err := s.ids()
	if err != nil {
		return err
	}
	for _, id := range ids {
		g, err := s.group(id)
		if err != nil {
			return err
		}
		if g != nil && r.Now().Before(g.Until) {
			continue
		}
		if err := s.drop(id); err != nil && report.KindOf(err) != report.KindBusy {
			return err
		}
	}
	return nil
}

// drop takes a whole group away.
func (s shelf) drop(id string) error {
	unlock, err := s.lock(path.Join(groupDir(id), lockFile), 0)
	if err != nil {
		return err
	}
	defer unlock()
	unlockAll, err := s.lock(partsLock, time.Minute)
	if err != nil {
		return err
	}
	defer unlockAll()
	return s.discard(groupDir(id))
}

// Abort drops a group by its id, and returns what it was; nil if there is none.
func Abort(r *repo.Repo, id string) (*report.Waiting, error) {
	if id == "" || strings.ContainsAny(id, "/\\.") {
		return nil, nil
	}
	s := shelf{r}
	w, err := s.waiting(id)
	if err != nil || w == nil {
		return nil, err
	}
	return w, s.drop(id)
}
