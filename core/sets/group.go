package sets

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

const (
	groupFile = "group.json"
	partFile  = ".part.json"
	lockFile  = "lock"
	partsLock = repo.PartsDir + "/" + lockFile
	// recordSize is enough for the names and hashes of what one manifest can declare.
	recordSize = 4 * manifest.MaxSize
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
	// Files are the SHA-256 of its files, by name; Texts those of the manifest and its
	// signatures.
	Files map[string]string `json:"files,omitempty"`
	Texts map[string]string `json:"texts,omitempty"`
	// Published: the repository has it, and there are no files here.
	Published bool `json:"published,omitempty"`
	// dir is its folder, below the repository.
	dir string
}

// sensible reports whether it can be one of ours.
func (g *group) sensible() bool { return g.Source != "" && g.SHA256 != "" && !g.Until.IsZero() }

// sensible reports whether it can be one of ours.
func (p *part) sensible() bool {
	return p.Arch != "" && !strings.ContainsAny(p.Manifest, "/\\") && (p.Manifest != "" || p.Published)
}

// id is the name of a key.
func id(set, source, version string) string {
	sum := sha256.Sum256([]byte(set + "\x00" + source + "\x00" + version))
	return hex.EncodeToString(sum[:8])
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
		if over, err := s.over(id); err != nil {
			return err
		} else if !over {
			continue
		}
		if err := s.drop(id, s.over); err != nil && report.KindOf(err) != report.KindBusy {
			return err
		}
	}
	return nil
}

// over reports whether a group is past its deadline, or a folder without one: somebody
// who adds a part may be just about to make it one.
func (s shelf) over(id string) (bool, error) {
	g, err := s.group(id)
	return err == nil && (g == nil || !s.repo.Now().Before(g.Until)), err
}

// drop takes a whole group away, if that still holds once nobody else can change it.
func (s shelf) drop(id string, still func(id string) (bool, error)) error {
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
	if ok, err := still(id); err != nil || !ok {
		return err
	}
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
	return w, s.drop(id, func(string) (bool, error) { return true, nil })
}
