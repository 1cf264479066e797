package pipeline

import (
	"errors"
	"io/fs"

	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// taken answers what stands at a path of the repository. It hashes a file once
// and believes the hash as long as the file is the same: what was hashed before
// the lock need not be read again under it.
type taken struct {
	fsys vfs.FS
	seen map[string]seenFile
	// named, if not nil, answers instead of the disk.
	named map[string]plan.Taken
}

type seenFile struct {
	id  repo.Identity
	sum string
}

func newTaken(fsys vfs.FS) *taken { return &taken{fsys: fsys, seen: map[string]seenFile{}} }

// site is what stands at a path; shared is true if the file has other names too.
type site struct {
	plan.Taken
	shared bool
}

// at returns what stands at a path.
// What the world cannot read, or can write, is not what was published, whatever its
// bytes are.
func (t *taken) at(path string) (site, error) {
	if t.named != nil {
		return site{Taken: t.named[path]}, nil
	}
	info, err := t.fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return site{}, nil
	}
	if err != nil {
		return site{}, err
	}
	p := plan.Taken{Exists: true, Size: info.Size}
	if !info.IsRegular() || info.Mode&0o444 != 0o444 || info.Mode&0o002 != 0 {
		return site{Taken: p}, nil
	}
	id := repo.IdentityOf(info)
	seen, ok := t.seen[path]
	if !ok || seen.id != id {
		sum, err := vfs.SHA256(t.fsys, path)
		if errors.Is(err, fs.ErrNotExist) {
			// It went away just now.
			return site{}, nil
		}
		if err != nil {
			return site{Taken: p}, err
		}
		seen = seenFile{id, sum}
		t.seen[path] = seen
	}
	p.SHA256 = seen.sum
	return site{p, info.Links > 1}, nil
}
