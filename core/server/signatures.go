package server

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// signature is a file of signatures in the user's area.
type signature struct {
	upload.Signature
	sha string
}

func (c candidate) signatureSums() []string {
	var list []string
	for _, s := range c.signatures {
		list = append(list, s.sha)
	}
	return list
}

// declaredSignatures is how many files of signatures this upload brings to a manifest.
func (in *intake) declaredSignatures(manifest string) (n int) {
	for _, f := range in.files {
		if slices.Contains(upload.SignatureNames(manifest), f.Name) {
			n++
		}
	}
	return n
}

// signatures finds those of a manifest: the ones of this upload or, for a manifest of
// another session, and in version 1, where a set may take several, the newest of each
// name in the area. An older one that was meant for another manifest of the name does
// no harm but to its owner: it is over other bytes.
func (in *intake) signatures(c candidate) ([]signature, error) {
	var list []signature
	for _, name := range upload.SignatureNames(c.name) {
		at, sha, err := in.ownFile(name)
		if err == nil && at == "" && (!c.own || in.v.version == 1) {
			at, sha, err = in.newestNamed(name)
		}
		if err != nil {
			return nil, err
		}
		if at == "" {
			continue
		}
		text, err := in.readSignature(at)
		if err != nil {
			return nil, err
		}
		list = append(list, signature{upload.Signature{Name: name, Text: text}, sha})
	}
	return list, nil
}

// readSignature reads one; what is too large to be one counts as empty.
func (in *intake) readSignature(at string) ([]byte, error) {
	info, err := in.s.State.Lstat(at)
	if err != nil || info.Size > upload.SignatureSize {
		return []byte{}, err
	}
	return vfs.ReadFile(in.s.State, at, upload.SignatureSize)
}

// ownFile is a file of this upload that is whole: where it is, and its SHA-256.
func (in *intake) ownFile(name string) (at, sha string, err error) {
	for _, f := range in.files {
		if f.Name == name && f.sha != "" {
			at, err = in.s.inArea(in.acc.name, f.sha)
			return at, f.sha, err
		}
	}
	return "", "", nil
}

// newestNamed is the newest file of a name in the user's area.
func (in *intake) newestNamed(name string) (at, sha string, err error) {
	folders, err := in.s.State.ReadDir(in.s.path("area", in.acc.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	var newest vfs.Info
	for _, folder := range folders {
		here := in.s.path("area", in.acc.name, folder.Name, name)
		info, err := in.s.State.Lstat(here)
		if err == nil && info.IsRegular() && (at == "" || info.ModTime.After(newest.ModTime)) {
			at, sha, newest = here, folder.Name, info
		}
	}
	return at, sha, nil
}

// dropSignatures deletes those of a manifest that was judged, unless somebody counts on
// them. What cannot be deleted expires.
func (in *intake) dropSignatures(ctx context.Context, c candidate) {
	if err := in.s.discard(ctx, in.acc, c.signatureSums(), in.counts); err != nil {
		in.v.log.Warn("not deleted", "manifest", c.name, "error", err)
	}
}
