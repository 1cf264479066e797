package contents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// heading is what a list begins with; the SHA-256 of the rest follows.
	heading = "mmpush files 1 "
	// listLimit is far above what the names of one archive may take.
	listLimit = 64 << 20
	// sweepAge is how old a list has to be: a younger one may be of an upload that is
	// on its way.
	sweepAge = 24 * time.Hour
	// learnBytes is how large the packages together may be that one change learns
	// from.
	learnBytes = 256 << 20
)

func listName(sha256 string) string { return path.Join(repo.FilesDir, sha256) }

// keep remembers what a package installs, here and in its list. It is a cache: where it
// cannot be written, the list is missing.
func (v *Verifier) keep(sha256 string, paths []string) {
	slices.Sort(paths)
	v.mu.Lock()
	v.own[sha256] = paths
	v.mu.Unlock()
	if _, err := v.repo.FS.Lstat(listName(sha256)); errors.Is(err, fs.ErrNotExist) {
		_ = v.write(sha256, paths)
	}
}

// write writes a list, whole or not at all as far as readers see. It is not made
// durable: what a power loss has torn does not have its checksum.
func (v *Verifier) write(sha256 string, paths []string) error {
	fsys := v.repo.FS
	if err := fsys.Mkdir(repo.FilesDir, v.repo.PrivateFolderMode()); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	temp := listName(sha256) + "." + v.repo.NewID() + ".new"
	f, err := fsys.Create(temp, v.repo.PrivateFileMode())
	if err != nil {
		return err
	}
	_, err = f.Write(formatList(paths))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.Rename(temp, listName(sha256))
	}
	if err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return nil
}

func formatList(paths []string) []byte {
	var rest bytes.Buffer
	for _, p := range paths {
		rest.WriteString(p + "\n")
	}
	sum := sha256.Sum256(rest.Bytes())
	return append([]byte(heading+hex.EncodeToString(sum[:])+"\n"), rest.Bytes()...)
}

// parseList reads a list; false if it is not whole.
func parseList(text []byte) ([]string, bool) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	sum := sha256.Sum256(rest)
	if string(first) != heading+hex.EncodeToString(sum[:]) {
		return nil, false
	}
	if len(rest) == 0 {
		return nil, true
	}
	return strings.Split(strings.TrimSuffix(string(rest), "\n"), "\n"), true
}

// list returns what a package installs; false if nobody knows.
func (v *Verifier) list(sha256 string) ([]string, bool) {
	v.mu.Lock()
	paths, ok := v.own[sha256]
	v.mu.Unlock()
	if ok || !isSHA256(sha256) {
		return paths, ok
	}
	text, err := vfs.ReadFile(v.repo.FS, listName(sha256), listLimit)
	if err != nil {
		return nil, false
	}
	return parseList(text)
}

// isSHA256 keeps what an index says from becoming any other file's name.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// learner makes lists for published packages that have none.
type learner struct {
	v *Verifier
	// left is how many bytes may still be read.
	left int64
}

// list is that of the verifier, or is made now.
func (l *learner) list(ctx context.Context, b index.Binary) ([]string, bool) {
	if paths, ok := l.v.list(b.SHA256); ok {
		return paths, true
	}
	l.v.mu.Lock()
	may := l.v.learn > 0 && b.Size <= l.left && isSHA256(b.SHA256)
	if may {
		l.v.learn--
		l.left -= b.Size
	}
	l.v.mu.Unlock()
	if !may {
		return nil, false
	}
	paths, err := l.learn(ctx, b)
	if err != nil {
		return nil, false
	}
	_ = l.v.write(b.SHA256, paths)
	return paths, true
}

func (l *learner) learn(ctx context.Context, b index.Binary) ([]string, error) {
	f, err := l.v.repo.FS.Open(b.Filename)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size != b.Size {
		return nil, errors.Join(err, fmt.Errorf("%s is not %d bytes long", b.Filename, b.Size))
	}
	hash := sha256.New()
	p, findings, err := mpk.Read(ctx, io.TeeReader(f, hash), info.Size, l.v.limits)
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(hash.Sum(nil)) != b.SHA256 || len(findings) > 0 {
		return nil, fmt.Errorf("%s is damaged", b.Filename)
	}
	paths := installed(p)
	slices.Sort(paths)
	return paths, nil
}

// sweep deletes the lists of packages that are neither published nor retired.
func (v *Verifier) sweep(published map[string]bool) {
	lists, err := v.repo.FS.ReadDir(repo.FilesDir)
	if err != nil || len(lists) <= len(published) {
		return
	}
	retired, err := v.repo.RetiredFiles()
	if err != nil {
		return
	}
	for _, r := range retired {
		published[r.SHA256] = true
	}
	limit := v.repo.Now().Add(-sweepAge)
	for _, i := range lists {
		if i.IsRegular() && !published[i.Name] && i.ModTime.Before(limit) {
			_ = v.repo.FS.Remove(path.Join(repo.FilesDir, i.Name))
		}
	}
}
