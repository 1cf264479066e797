package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/mmpush/mmpush/core/vfs"
)

// What uploaders of ours, who come from afar, leave in a drop folder until all of an
// upload is there. The watcher looks at nothing that begins with a dot; of these names
// it deletes what is as old as a verdict may get.
const (
	remotePrefix = ".mmpush-"
	partSuffix   = ".part"
	claimSuffix  = ".claim"
)

// PartFile is the name of a file with this SHA-256 that is on its way into a drop
// folder.
func PartFile(sha256 string) string { return remotePrefix + sha256 + partSuffix }

// ClaimFile is the name of the file that says: somebody is about to put the files of a
// manifest of this name in their places.
func ClaimFile(manifest string) string {
	sum := sha256.Sum256([]byte(manifest))
	return remotePrefix + hex.EncodeToString(sum[:16]) + claimSuffix
}

// abandoned reports whether nobody will go on with a file.
func (s *Scanner) abandoned(i vfs.Info) bool {
	ours := strings.HasPrefix(i.Name, remotePrefix) && (strings.HasSuffix(i.Name, partSuffix) || strings.HasSuffix(i.Name, claimSuffix))
	return ours && i.IsRegular() && s.opt.Now().Sub(i.ModTime) > verdictAge
}

// pruneParts deletes them.
func (s *Scanner) pruneParts() {
	list, err := s.opt.Drop.ReadDir(".")
	for _, i := range list {
		if s.abandoned(i) {
			err = errors.Join(err, s.opt.Drop.Remove(i.Name))
		}
	}
	if err != nil {
		s.opt.Log.Error("abandoned uploads could not be deleted", "error", err)
	}
}
