package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
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
}

type seenFile struct {
	id  repo.Identity
	sum string
}

func newTaken(fsys vfs.FS) *taken { return &taken{fsys, map[string]seenFile{}} }

// at implements the function that plan asks.
func (t *taken) at(path string) (plan.Taken, error) {
	info, err := t.fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Taken{}, nil
	}
	if err != nil {
		return plan.Taken{}, err
	}
	if !info.IsRegular() {
		return plan.Taken{Exists: true, Size: info.Size}, nil
	}
	id := repo.IdentityOf(info)
	seen, ok := t.seen[path]
	if !ok || seen.id != id {
		sum, err := hashFile(t.fsys, path)
		if err != nil {
			return plan.Taken{}, err
		}
		seen = seenFile{id, sum}
		t.seen[path] = seen
	}
	return plan.Taken{Exists: true, Size: info.Size, SHA256: seen.sum}, nil
}

func hashFile(fsys vfs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
