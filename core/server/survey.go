package server

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// surveyAge is how old a folder of an area has to be until what was seen in it is
// believed: a younger one may get its file within the same tick of the file system's
// clock.
const surveyAge = 100 * time.Millisecond

// surveyLasts is how long a survey counts as recent.
const surveyLasts = time.Second

// shelved is what was seen in one folder of a user's area. Many uploads of one user at once
// ask for all of them; as long as a folder is the same, it is not read again.
type shelved struct {
	inode     uint64
	mtime     time.Time
	manifests []string
	files     int
	bytes     int64
}

// survey is the user's area, by the SHA-256 of the files.
func (s *Server) survey(a *account) (map[string]*shelved, error) {
	folders, err := s.State.ReadDir(s.path("area", a.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s.mu.Lock()
	before := a.surveyed
	s.mu.Unlock()
	now := make(map[string]*shelved, len(folders))
	for _, f := range folders {
		if known := before[f.Name]; known != nil && known.inode == f.Ino && known.mtime.Equal(f.ModTime) {
			now[f.Name] = known
			continue
		}
		seen, err := s.lookInto(a, f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		now[f.Name] = seen
	}
	s.believe(a, now)
	return now, nil
}

// recently is the survey of a moment ago, for questions that such a one answers well
// enough; many uploads at once share it.
func (s *Server) recently(a *account) (map[string]*shelved, error) {
	s.mu.Lock()
	area, at := a.area, a.areaAt
	s.mu.Unlock()
	if area != nil && time.Since(at) < surveyLasts {
		return area, nil
	}
	return s.survey(a)
}

// believe keeps what was seen, but for what may have been seen too early, and what is
// known of the manifests that are there.
func (s *Server) believe(a *account, now map[string]*shelved) {
	lasting := make(map[string]*shelved, len(now))
	for sha, seen := range now {
		if seen.files > 0 && s.Now().Sub(seen.mtime) > surveyAge {
			lasting[sha] = seen
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.surveyed, a.area, a.areaAt = lasting, now, time.Now()
	maps.DeleteFunc(a.named, func(sha string, _ []string) bool { return now[sha] == nil })
}

func (s *Server) lookInto(a *account, folder vfs.Info) (*shelved, error) {
	files, err := s.State.ReadDir(s.path("area", a.name, folder.Name))
	seen := &shelved{inode: folder.Ino, mtime: folder.ModTime}
	for _, f := range files {
		seen.files++
		seen.bytes += f.Size
		if isManifest(f.Name) {
			seen.manifests = append(seen.manifests, f.Name)
		}
	}
	return seen, err
}

// manifests lists those of a user's area.
func manifests(area map[string]*shelved) []candidate {
	var list []candidate
	for sha, seen := range area {
		for _, name := range seen.manifests {
			list = append(list, candidate{name: name, sha: sha})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.sha, b.sha) })
	return list
}

// awaited are the files, by their SHA-256, that manifests in the user's area name, but for
// one of these. A manifest that has come a moment ago may not be among them: then it finds
// these files where they are public.
func (in *intake) awaited(but string) map[string]bool {
	all := map[string]bool{}
	area, err := in.s.recently(in.acc)
	if err != nil {
		in.v.log.Warn("the area cannot be read", "error", err)
	}
	for _, c := range manifests(area) {
		if c.sha == but {
			continue
		}
		for _, sha := range in.namedBy(c) {
			all[sha] = true
		}
	}
	return all
}

// namedBy are the files that a manifest names. It is read once: its name in the area says
// what its bytes are.
func (in *intake) namedBy(c candidate) []string {
	in.s.mu.Lock()
	list, known := in.acc.named[c.sha]
	in.s.mu.Unlock()
	if known {
		return list
	}
	at, err := in.s.inArea(in.acc.name, c.sha)
	if err != nil || at == "" {
		return nil
	}
	if _, m, _, err := in.readManifest(at, c.name); err == nil && m != nil {
		for _, f := range needed(m, in.s.archs) {
			list = append(list, f.SHA256)
		}
	}
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	in.acc.named[c.sha] = list
	return list
}
