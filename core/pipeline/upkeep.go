package pipeline

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

var _ upkeep.Format = Mmpack{}

var _ upkeep.CacheChecker = Mmpack{}

// CheckCache implements [upkeep.CacheChecker].
func (Mmpack) CheckCache(fsys vfs.FS) error {
	err := index.CheckCache(fsys, repo.CacheFile)
	if !errors.Is(err, index.ErrCache) {
		return nil // whether the indexes can be read is asked elsewhere
	}
	return err
}

// Knows implements [upkeep.Format]: mmpack-modifyrepo's log and its working folder, and
// the name under which a client looks for the index if it does not find the other.
func (Mmpack) Knows(name string) bool {
	return name == "mmpack-repo.log" || name == "working_dir" || name == "binary-index"
}

// Ahead implements [upkeep.Format].
func (Mmpack) Ahead() time.Duration { return clock.Limit }

// Published implements [upkeep.Format].
func (m Mmpack) Published(fsys vfs.FS) (upkeep.Published, error) {
	view, err := index.Open(fsys)
	if err != nil {
		return upkeep.Published{}, err
	}
	l := looker{paths: map[string]string{}, names: map[string]bool{}, used: map[origin]bool{}, sources: map[origin]bool{}}
	for _, w := range view.Warnings() {
		l.Found = append(l.Found, upkeep.Difference{Finding: w, Repair: "write the index anew", Rewrite: true})
	}
	dangerous, err := view.Dangerous()
	if err != nil {
		return l.Published, err
	}
	for _, b := range dangerous {
		l.dangerous(b)
	}
	for b, err := range view.All() {
		if err != nil {
			return l.Published, err
		}
		l.binary(b)
	}
	sources, err := view.Sources(index.Selector{})
	for _, s := range sources {
		l.source(s)
	}
	if complete(fsys) {
		l.pair(view)
	}
	return l.Published, err
}

// complete reports whether both index files are there: else the pair cannot agree.
func complete(fsys vfs.FS) bool {
	for _, name := range (Mmpack{}).Indexes() {
		if _, err := fsys.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// origin is how a binary names its source.
type origin struct{ name, sha256 string }

// looker collects what the indexes name, and what is wrong in them.
type looker struct {
	upkeep.Published
	// paths are the hashes of the files.
	paths map[string]string
	// names are those of the binary packages.
	names map[string]bool
	// used are the sources that a binary names, sources those of the source index.
	used, sources map[origin]bool
}

func (l *looker) tell(code report.Code, file, field, message string) *upkeep.Difference {
	l.Found = append(l.Found, upkeep.Difference{Finding: report.Finding{
		Code: code, Severity: report.SeverityError, File: file, Field: field, Message: message,
	}})
	return &l.Found[len(l.Found)-1]
}

func (l *looker) dangerous(b index.Binary) {
	d := l.tell(report.CodeDanger, index.BinaryFile, b.Name, "the stanza has a form that makes the client crash or lose a value")
	d.Repair, d.Rewrite = "write it in a form that every reader takes; the values stay", true
}

func (l *looker) binary(b index.Binary) {
	if l.names[b.Name] {
		d := l.tell(report.CodePair, index.BinaryFile, b.Name, "stands twice in the index")
		d.Hint = "the next publish of this package leaves one"
	}
	l.names[b.Name] = true
	l.used[origin{b.Source, b.SrcSHA256}] = true
	l.version(index.BinaryFile, b.Name, b.Version)
	if b.Source == "" || !isSHA256(b.SrcSHA256) {
		l.unusable(index.BinaryFile, b.Name, "does not say from which source it was built")
	}
	l.file(index.BinaryFile, b.Name, upkeep.File{Path: b.Filename, Size: b.Size, SHA256: b.SHA256})
}

func (l *looker) source(s index.Source) {
	field := s.Name + " " + s.Version
	key := origin{s.Name, s.SHA256}
	if l.sources[key] {
		l.tell(report.CodePair, index.SourceFile, field, "stands twice in the index")
	}
	l.sources[key] = true
	l.version(index.SourceFile, field, s.Version)
	l.file(index.SourceFile, field, upkeep.File{Path: s.Filename, Size: s.Size, SHA256: s.SHA256})
}

func (l *looker) unusable(file, field, message string) {
	l.tell(report.CodeStanza, file, field, message).Hint = "publish it again, or take it out with mmpush remove"
}

func (l *looker) version(file, field, version string) {
	if err := manifest.ValidVersion(version); err != nil {
		l.unusable(file, field, fmt.Sprintf("the version %q: %v", version, err))
	}
}

// file takes up what a stanza names, if a client could fetch it.
func (l *looker) file(file, field string, f upkeep.File) {
	switch {
	case !publishable(f.Path):
		l.unusable(file, field, fmt.Sprintf("the file name %q is not one that can be published", f.Path))
		return
	case f.Size <= 0 || !isSHA256(f.SHA256):
		l.unusable(file, field, "has no size or no SHA-256")
		return
	}
	before, named := l.paths[f.Path]
	if named && before != f.SHA256 {
		l.tell(report.CodePair, file, field, f.Path+" is named twice, with different SHA-256")
	}
	if !named {
		l.paths[f.Path] = f.SHA256
		l.Files = append(l.Files, f)
	}
}

// publishable keeps a stanza from naming what is not below the folder, or ours.
func publishable(name string) bool {
	if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		return false
	}
	return manifest.ValidFileName(path.Base(name)) == nil
}

func isSHA256(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == 32
}

// pair compares the two indexes.
func (l *looker) pair(view *index.Snapshot) {
	told := map[origin]bool{}
	for b, err := range view.All() {
		key := origin{b.Source, b.SrcSHA256}
		if err == nil && !l.sources[key] && !told[key] && b.Source != "" {
			told[key] = true
			d := l.tell(report.CodePair, index.SourceFile, b.Source, "the source of "+b.Name+" "+b.Version+" is not in the source index")
			d.Expected, d.Hint = b.SrcSHA256, "push its upload again"
		}
	}
	sources, err := view.Sources(index.Selector{})
	if err != nil {
		return
	}
	for _, s := range sources {
		if !l.used[origin{s.Name, s.SHA256}] {
			d := l.tell(report.CodePair, index.SourceFile, s.Name+" "+s.Version, "no package is built from this source any more")
			d.Hint = "take it out with: mmpush remove --source " + s.Name + " --srcsha " + s.SHA256
		}
	}
}
