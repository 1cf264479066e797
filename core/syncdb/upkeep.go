package syncdb

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

var _ interface {
	upkeep.Format
	upkeep.Linked
} = Format{}

// Knows implements [upkeep.Format]; nobody else writes into the folder.
func (Format) Knows(string) bool { return false }

// Ahead implements [upkeep.Format].
func (Format) Ahead() time.Duration { return maxAhead }

// Links implements [upkeep.Linked].
func (f Format) Links(fsys vfs.FS) [][2]string {
	folder, err := fsys.Readlink(f.current())
	if err != nil {
		return f.links(false)
	}
	// What cannot be looked at is told elsewhere.
	signed, _ := f.isSigned(fsys, folder)
	return f.links(signed)
}

// MakeLinks implements [upkeep.Linked].
func (f Format) MakeLinks(fsys vfs.FS, temp string) error {
	folder, err := fsys.Readlink(f.current())
	if err != nil {
		return err
	}
	signed, err := f.isSigned(fsys, folder)
	if err != nil {
		return err
	}
	return f.makeLinks(fsys, folder, temp, signed)
}

// Published implements [upkeep.Format]: the databases themselves, and what they name. A
// folder in which nothing was ever published has nothing.
func (f Format) Published(fsys vfs.FS) (upkeep.Published, error) {
	if _, err := fsys.Lstat(f.current()); errors.Is(err, fs.ErrNotExist) {
		return upkeep.Published{}, nil
	}
	s, err := f.read(fsys)
	if err != nil {
		return upkeep.Published{}, err
	}
	defer s.close()
	l := &looker{Format: f, snapshot: s, fsys: fsys, descs: map[string]string{}, versions: map[string]string{}}
	err = l.look()
	if err != nil && !errors.Is(err, ErrDatabase) {
		return l.Published, f.readError(err)
	}
	return l.Published, err
}

// looker collects what the databases name, and what is wrong in them.
type looker struct {
	Format
	*snapshot
	fsys vfs.FS
	upkeep.Published
	// descs are the texts in NAME.db by folder, and versions those of the packages by name.
	descs, versions map[string]string
}

func (l *looker) look() error {
	for _, k := range []Kind{DB, Files} {
		if err := l.database(k); err != nil {
			return err
		}
	}
	for e, err := range l.entries(DB) {
		d, err := descOf(e, err)
		if err != nil {
			return l.damaged(DB, err)
		}
		l.descs[e.folder], l.versions[d.Name] = string(e.desc), d.Version
		l.names(d)
	}
	if err := l.compare(); err != nil {
		return err
	}
	if err := l.table(); err != nil {
		return err
	}
	return l.older()
}

func (l *looker) damaged(k Kind, err error) error {
	e, ok := errors.AsType[*report.Error](l.readError(fmt.Errorf("%w: %w", ErrDatabase, err)))
	if ok {
		e.File = path.Join(l.snapshot.folder, l.Format.file(k))
	}
	return e
}

// entries are those of a whole database.
func (l *looker) entries(k Kind) iter.Seq2[raw, error] {
	return pieceEntries(l.files[k], 0, l.sizes[k], archive.DefaultLimits())
}

// database is a published file like the packages.
func (l *looker) database(k Kind) error {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(l.files[k], 0, l.sizes[k])); err != nil {
		return err
	}
	name := path.Join(l.snapshot.folder, l.Format.file(k))
	l.Files = append(l.Files, upkeep.File{Path: name, Size: l.sizes[k], SHA256: hex.EncodeToString(h.Sum(nil)), Dated: k == DB})
	if !l.signed {
		return nil
	}
	text, err := vfs.ReadFile(l.fsys, name+signatureEnd, maxSignature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	l.Files = append(l.Files, upkeep.File{Path: name + signatureEnd, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	return nil
}

func (l *looker) tell(code report.Code, field, message string) *upkeep.Difference {
	l.Found = append(l.Found, upkeep.Difference{Finding: report.Finding{
		Code: code, Severity: report.SeverityError, File: l.current(), Field: field, Message: message,
	}})
	return &l.Found[len(l.Found)-1]
}

// names takes up what an entry names.
func (l *looker) names(d Desc) {
	if d.Size <= 0 || len(d.SHA256) != 2*sha256.Size {
		l.tell(report.CodeStanza, d.Name, "the entry has no size or no SHA-256").Hint = "publish the package again, or take it out with mmpush remove"
		return
	}
	l.Files = append(l.Files, upkeep.File{Path: d.FileName, Size: d.Size, SHA256: d.SHA256})
	if d.signature == "" {
		return
	}
	text, err := base64.StdEncoding.DecodeString(d.signature)
	if err != nil {
		l.tell(report.CodeStanza, d.Name, "the signature in the entry cannot be read").Hint = "publish the package again, or take it out with mmpush remove"
		return
	}
	sum := sha256.Sum256(text)
	l.Files = append(l.Files, upkeep.File{Path: d.FileName + signatureEnd, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
}

// compare holds NAME.files against NAME.db.
func (l *looker) compare() error {
	seen := map[string]bool{}
	anew := func(folder, message string) {
		d := l.tell(report.CodePair, nameOf(folder), message)
		d.Repair, d.Rewrite = "write the entry anew, from the package", true
	}
	for e, err := range l.entries(Files) {
		if err != nil {
			return l.damaged(Files, err)
		}
		seen[e.folder] = true
		switch text, there := l.descs[e.folder]; {
		case !there:
			anew(e.folder, e.folder+" is in "+l.Format.file(Files)+" and not in "+l.Format.file(DB))
		case text != string(e.desc):
			anew(e.folder, "the two databases say different things about "+e.folder)
		case e.files == nil:
			anew(e.folder, "the list of files of "+e.folder+" is missing")
		}
	}
	for folder := range l.descs {
		if !seen[folder] {
			anew(folder, folder+" is in "+l.Format.file(DB)+" and not in "+l.Format.file(Files))
		}
	}
	return nil
}

// older finds the files of older versions, which the setting keep-old keeps.
func (l *looker) older() error {
	entries, err := l.fsys.ReadDir(".")
	for _, i := range entries {
		file := strings.TrimSuffix(i.Name, signatureEnd)
		name := nameOf(cutLast(file))
		now, ok := l.versions[name]
		if v, is := versionOf(file, name); ok && is && alpm.Compare(v, now) < 0 {
			l.Kept = append(l.Kept, i.Name)
		}
	}
	return err
}

// table looks whether the table of pieces says what is so.
func (l *looker) table() error {
	if !l.view.cut {
		return nil
	}
	name, at := path.Join(l.snapshot.folder, tableFile), [2]int64{}
	for i, p := range l.view.pieces {
		for k := range at {
			var folders []string
			for e, err := range pieceEntries(l.files[k], at[k], p.size[k], archive.DefaultLimits()) {
				if err != nil {
					folders = nil
					break
				}
				folders = append(folders, e.folder)
			}
			if !slices.Equal(folders, p.folders) {
				l.Found = append(l.Found, upkeep.Difference{
					Finding: report.Finding{Code: report.CodeCache, Severity: report.SeverityError, File: name,
						Message: fmt.Sprintf("piece %d of the databases is not what the table of pieces says", i),
						Hint:    "publishes may fail, or miss packages that are there, until it is deleted"},
					Repair: "delete it; the next publish writes a new one",
					Mend:   func() error { return l.fsys.Remove(name) },
				})
				return nil
			}
			at[k] += p.size[k]
		}
	}
	return nil
}

// Heal writes the entries anew in which the two databases disagree, from the packages.
func Heal(ctx context.Context, r *repo.Repo, opt Options) (Outcome, error) {
	g, out, err := begin(r, opt)
	if err != nil {
		return out, err
	}
	defer g.discard()
	p, err := g.Published(r.FS)
	if err != nil {
		return out, r.Tell("fsck", err)
	}
	var from []Source
	for _, d := range p.Found {
		if !d.Rewrite || slices.Contains(g.wish.Heal, d.Field) {
			continue
		}
		g.wish.Heal = append(g.wish.Heal, d.Field)
		list, err := Published(r, []string{d.Field})
		if err != nil {
			return out, err
		}
		for _, d := range list {
			from = append(from, Source{FS: r.FS, Path: d.FileName, Shown: d.FileName})
		}
	}
	if err := g.bring(ctx, from); err != nil {
		return out, err
	}
	if out.Findings = g.findings; report.Refused(out.Findings) {
		out.Result = report.Rejected
		return out, nil
	}
	err = g.change(ctx, &out)
	return out, err
}
