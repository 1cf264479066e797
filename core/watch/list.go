package watch

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// ListSuffix ends the name of a [List] in a drop folder.
const ListSuffix = ".mmpush-packages"

const (
	// listSchema is the only one there is.
	listSchema = 1
	// listedAtMost is far above what a build leaves behind.
	listedAtMost = 4000
	// packageSignature ends the name of a package's detached signature.
	packageSignature = ".sig"
)

// List declares an upload of pacman's packages, which have no manifest: it is one JSON
// document, so that half of it is never taken for the whole.
type List struct {
	Schema int `json:"schema"`
	// Files are packages, and their signatures.
	Files []Listed `json:"files"`
}

// Listed is one file of a [List].
type Listed struct {
	// Name is a base name.
	Name string `json:"name"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// Packages is the line from a list's files, which are in the drop folder, into a
// repository. Files that are not what was declared are refused.
type Packages interface {
	// Publish publishes all of them or none.
	Publish(ctx context.Context, r *repo.Repo, files []upload.File) (report.Report, error)
	// Published are the SHA-256 of those of the files that the repository has published.
	Published(r *repo.Repo, files []upload.File) (map[string]bool, error)
	// Check says what is wrong with files, without a repository.
	Check(ctx context.Context, files []upload.File) ([]report.Finding, error)
}

// NewList lists files, in the order of their names. name is what to call the list in the
// drop folder: whoever brings the same packages calls it the same.
func NewList(files []upload.File) (name string, text []byte, err error) {
	list := List{Schema: listSchema}
	for _, f := range files {
		list.Files = append(list.Files, Listed(f))
	}
	slices.SortFunc(list.Files, func(a, b Listed) int { return strings.Compare(a.Name, b.Name) })
	text, err = json.MarshalIndent(list, "", "  ")
	if err == nil && len(list.Files) == 0 {
		err = errors.New("a list has one package at least")
	}
	if err != nil {
		return "", nil, err
	}
	return fit(list.Files[0].Name, nameLimit-asideRoom) + ListSuffix, append(text, '\n'), nil
}

// ParseList reads a list and believes nothing in it. What is wrong are findings; without
// any, the list is usable.
func ParseList(text []byte) (List, []report.Finding) {
	var l List
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&l)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("something follows the document")
	}
	switch {
	case len(text) > manifest.MaxSize:
		return l, []report.Finding{unlisted(report.CodeLimit, "", "the list is too long", fmt.Sprintf("at most %d bytes", manifest.MaxSize), "more")}
	case err != nil:
		return l, []report.Finding{unlisted(report.CodeField, "", "the list cannot be read: "+plain(err.Error()), "one JSON document", "")}
	case l.Schema != listSchema:
		return l, []report.Finding{unlisted(report.CodeField, "schema", "the list is of a kind that is not known", fmt.Sprint(listSchema), fmt.Sprint(l.Schema))}
	case len(l.Files) == 0 || len(l.Files) > listedAtMost:
		return l, []report.Finding{unlisted(report.CodeField, "files", "the list has no files, or too many", fmt.Sprintf("1 to %d", listedAtMost), fmt.Sprint(len(l.Files)))}
	}
	return l, l.problems()
}

// problems are what is wrong with the entries.
func (l List) problems() (list []report.Finding) {
	names := map[string]bool{}
	for _, f := range l.Files {
		names[f.Name] = true
	}
	seen := map[string]bool{}
	for i, f := range l.Files {
		field := fmt.Sprintf("files[%d]", i)
		_, isPackage := alpm.IsFileName(f.Name)
		of, isSignature := strings.CutSuffix(f.Name, packageSignature)
		_, ofPackage := alpm.IsFileName(of)
		switch {
		case !isBase(f.Name) || strings.HasPrefix(f.Name, ".") || !isPackage && !(isSignature && ofPackage):
			list = append(list, unlisted(report.CodeName, field+".name", "the file is not called as a package is, or its signature", "NAME-VERSION-ARCH.pkg.tar.zst, .gz, .xz or .bz2", f.Name))
		case seen[f.Name]:
			list = append(list, unlisted(report.CodeDuplicate, field+".name", "a file of this name was listed before", "", f.Name))
		case isSignature && !names[of]:
			list = append(list, unlisted(report.CodeMissing, field+".name", "the signature's package is not listed", of, ""))
		}
		seen[f.Name] = true
		if f.Size <= 0 {
			list = append(list, unlisted(report.CodeSize, field+".size", "the size is not that of a file", "bytes", fmt.Sprint(f.Size)))
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || strings.ToLower(f.SHA256) != f.SHA256 {
			list = append(list, unlisted(report.CodeField, field+".sha256", "it is not a SHA-256", "64 lower-case hexadecimal digits", f.SHA256))
		}
	}
	return list
}

func unlisted(code report.Code, field, message, expected, actual string) report.Finding {
	return report.Finding{
		Code: code, Severity: report.SeverityError, Field: field, Message: message, Expected: expected, Actual: actual,
		Hint: "push the packages with mmpush, which writes the list",
	}
}

// isList reports whether the upload is declared by a list.
func (a *arrival) isList() bool { return strings.HasSuffix(a.name, ListSuffix) }

// declareList takes over what a list says.
func (a *arrival) declareList(text []byte) {
	list, findings := ParseList(text)
	for _, f := range findings {
		f.File = a.name
		a.unusable = append(a.unusable, f)
	}
	if len(findings) > 0 {
		return
	}
	for i, f := range list.Files {
		a.wants = append(a.wants, want{name: f.Name, sha256: f.SHA256, size: f.Size, field: fmt.Sprintf("files[%d]", i)})
	}
}

// listed are the files that the list declares.
func (a *arrival) listed() []upload.File {
	list := make([]upload.File, 0, len(a.wants))
	for _, w := range a.wants {
		list = append(list, w.file())
	}
	return list
}

func (w want) file() upload.File { return upload.File{Name: w.name, Size: w.size, SHA256: w.sha256} }

// checkList judges a list that has not become whole in time: what it lacks are problems,
// and what has come is looked into all the same.
func (s *Scanner) checkList(ctx context.Context, a *arrival, problems []report.Finding, before listing) ([]report.Finding, error) {
	var there []upload.File
	for _, w := range a.wants {
		if info, ok := before[w.name]; ok && info.IsRegular() && info.Size == w.size {
			there = append(there, w.file())
		}
	}
	found, err := s.opt.Packages.Check(ctx, there)
	return slices.Concat(problems, found), err
}

// brings are the SHA-256 of the packages that the history will name when the upload is
// published. Of a list it names none that was published before.
func (s *Scanner) brings(r *repo.Repo, a *arrival) (sums []string, err error) {
	var published map[string]bool
	if a.isList() {
		if published, err = s.opt.Packages.Published(r, a.listed()); err != nil {
			return nil, err
		}
	}
	for i, w := range a.wants {
		if a.isPackage(i) && !published[w.sha256] {
			sums = append(sums, w.sha256)
		}
	}
	return sums, nil
}

// isPackage reports whether the i-th of the wanted files is a package.
func (a *arrival) isPackage(i int) bool {
	if a.isList() {
		return !strings.HasSuffix(a.wants[i].name, packageSignature)
	}
	return i > 0 || len(a.wants) == 1
}

// tellUnlisted says, once each, which packages have lain there for the settle time and are
// in no list: who has copied them by hand may wait for something.
func (s *Scanner) tellUnlisted(entries listing, present []*arrival) {
	if s.opt.Packages == nil {
		return
	}
	named := map[string]bool{}
	for _, a := range present {
		for _, w := range a.wants {
			named[w.name] = true
		}
	}
	for name, info := range entries {
		_, is := alpm.IsFileName(name)
		if !is || named[name] || s.odd[name] || s.opt.Now().Sub(info.ChangeTime) < s.opt.Settle {
			continue
		}
		s.odd[name] = true
		s.opt.Log.Warn("not taken up", "file", name, "reason", "no list ("+ListSuffix+") names it; push writes one")
	}
}
