package sets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// same reports whether a part that lies here is the one that comes: from the same sender,
// whose rights it will be published with, with the same texts, and undamaged.
func (s shelf) same(ctx context.Context, there, comes part) (bool, error) {
	if there.Arch != comes.Arch || there.Sum != comes.Sum || there.Published != comes.Published || there.Requests != comes.Requests ||
		there.Who != comes.Who || there.Transport != comes.Transport || !maps.Equal(there.Texts, comes.Texts) {
		return false, nil
	}
	return s.sound(ctx, there)
}

// sound reports whether the files of a part are what was put there.
func (s shelf) sound(ctx context.Context, p part) (bool, error) {
	for _, list := range []map[string]string{p.Texts, p.Files} {
		for name, want := range list {
			if err := ctx.Err(); err != nil {
				return false, s.repo.Tell("parts", err)
			}
			got, err := s.sum(path.Join(p.dir, name))
			if err != nil || got != want {
				return false, err
			}
		}
	}
	return true, nil
}

// sum is the SHA-256 of a file; nothing if there is none that can be read.
func (s shelf) sum(name string) (string, error) {
	info, err := s.repo.FS.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsRegular() {
		return "", nil
	}
	if err != nil {
		return "", s.repo.Tell("parts", err)
	}
	sum, err := vfs.SHA256(s.repo.FS, name)
	return sum, s.repo.Tell("parts", err)
}

// weed takes parts away whose files are no longer what was put there, and says so: whoever
// brings the last part cannot help it, and those that are good wait on.
func (s shelf) weed(ctx context.Context, key string, parts []part) ([]report.Finding, error) {
	var gone []part
	var found []report.Finding
	for _, p := range parts {
		if good, err := s.sound(ctx, p); err != nil || good {
			if err != nil {
				return nil, err
			}
			continue
		}
		gone = append(gone, p)
		found = append(found, report.Finding{
			Code: report.CodeParts, Severity: report.SeverityWarning, File: p.Manifest, Field: "binpkgs." + p.Arch,
			Message: fmt.Sprintf("the part for %s that waited was damaged on the disk of the repositories, and is dropped", p.Arch),
			Hint:    "push it again; have the disk looked at",
		})
	}
	if len(gone) == 0 {
		return nil, nil
	}
	return found, s.remove(key, gone)
}

// sumsOf are the SHA-256 of some texts.
func sumsOf(texts map[string][]byte) map[string]string {
	sums := map[string]string{}
	for name, text := range texts {
		sum := sha256.Sum256(text)
		sums[name] = hex.EncodeToString(sum[:])
	}
	return sums
}
