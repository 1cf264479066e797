package server

import (
	"slices"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/repo"
)

// opened is the repository as it was opened last. Each upload opens it several times, and
// finds the same settings nearly always: as long as their files are the same ones, they are
// not read again.
type opened struct {
	mu sync.Mutex
	// files are what the files were that a repository is opened from; repo, if not nil, was
	// opened while they were these.
	files []fileState
	repo  *repo.Repo
}

// fileState tells that a file is still the one that was seen.
type fileState struct {
	dev uint64
	repo.Identity
}

// filesOf are the files that r was opened from; ok is false if what they say may change
// while they seem to be the same: one is a link, or so young that it may be written again
// within the same tick of the file system's clock.
func filesOf(r *repo.Repo, now time.Time) (list []fileState, ok bool) {
	for _, name := range []string{repo.MetadataFile, repo.SettingsFile} {
		info, err := r.FS.Lstat(name)
		if err != nil || !info.IsRegular() || now.Sub(info.ChangeTime) < surveyAge {
			return nil, false
		}
		list = append(list, fileState{info.Dev, repo.IdentityOf(info)})
	}
	return list, true
}

// again returns the repository if it would be opened as it was; else nil.
func (o *opened) again(now time.Time) *repo.Repo {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.repo == nil {
		return nil
	}
	if files, ok := filesOf(o.repo, now); !ok || !slices.Equal(files, o.files) {
		o.repo = nil
		return nil
	}
	r := *o.repo
	return &r
}

// note looks at a repository that was just opened. It is kept if its files are what they
// were before it was.
func (o *opened) note(r *repo.Repo, now time.Time) {
	files, ok := filesOf(r, now)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok && slices.Equal(files, o.files) {
		kept := *r
		o.repo = &kept
	}
	o.files = files
}
