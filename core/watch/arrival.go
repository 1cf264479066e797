package watch

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// arrival is one manifest in the folder and what is known of its upload.
type arrival struct {
	name string
	// id names the upload in the log and in its verdict.
	id string
	// origin is the manifest's file as it was read, sum the SHA-256 of its text.
	origin repo.Identity
	sum    string
	// wants are the files that the upload needs to be whole, others those that it
	// names for architectures of other repositories.
	wants, others []want
	// unusable is why the manifest declares nothing; fault is why it could not be
	// read.
	unusable []report.Finding
	fault    error
	// cut: the manifest's last line is not ended, so more of it may follow.
	cut bool

	// state is a hash over what the upload's files look like, since when it is
	// that, as far as we have seen.
	state [sha256.Size]byte
	since time.Time
	// doubted: it was refused, but may have been written to at that time.
	doubted bool
	// done: it has left, but the manifest could not be taken away.
	done bool
	// fails counts the attempts that failed for reasons of ours, retry is when to
	// try again.
	fails int
	retry time.Time
	// before: this manifest, with this text, was published here before; asked is
	// whether that is known.
	before, asked bool
	// told is a hash of the reason that the last verdict gave, untold that of one
	// that could not be written.
	told, untold string
	// stuck: it was not whole when it was looked at.
	stuck bool
}

// want is one file that a manifest names.
type want struct {
	name, arch string
	sha256     string
	size       int64
	line       int
	field      string
}

// names are all files of the upload, the manifest itself last.
func (a *arrival) names() []string {
	list := make([]string, 0, len(a.wants)+len(a.others)+4)
	for _, w := range a.wants {
		list = append(list, w.name)
	}
	for _, w := range a.others {
		list = append(list, w.name)
	}
	return append(append(list, upload.SignatureNames(a.name)...), a.name)
}

// bundle is what the upload takes with it when it leaves: what it wants, and the
// signatures, of which any may be absent.
func (a *arrival) bundle() []want {
	list := slices.Clone(a.wants)
	for _, name := range upload.SignatureNames(a.name) {
		list = append(list, want{name: name})
	}
	return list
}

// load returns what is known of a manifest. It is read again only if its file is
// another than before.
func (s *Scanner) load(info vfs.Info) *arrival {
	origin := repo.IdentityOf(info)
	a := s.arrivals[info.Name]
	if a != nil && a.origin == origin && a.fault == nil {
		return a
	}
	if a == nil || a.done && !a.origin.SameFile(origin) {
		a = &arrival{name: info.Name, id: strings.ToLower(rand.Text()[:12])}
	}
	a.origin = origin
	a.wants, a.others, a.unusable, a.sum, a.fault = nil, nil, nil, "", nil
	a.before, a.asked = false, false
	if err := s.guard(a.name, func() { a.read(s.opt.Drop, s.arch) }); err != nil {
		a.fault = err
	}
	return a
}

// read reads the manifest and takes over what it declares.
func (a *arrival) read(fsys vfs.FS, arch string) {
	text, err := readManifest(fsys, a.name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		a.unusable = []report.Finding{a.unread(a.name)}
	case err != nil:
		a.fault = err
	default:
		a.declare(text, arch)
	}
}

func readManifest(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, manifest.MaxSize+1))
}

// declare takes over what the manifest says. If it has nothing for this
// repository, all of its files are wanted: it will be refused, but not while they
// still arrive.
func (a *arrival) declare(text []byte, arch string) {
	sum := sha256.Sum256(text)
	a.sum = hex.EncodeToString(sum[:])
	if a.isList() {
		a.declareList(text)
		return
	}
	a.cut = !bytes.HasSuffix(text, []byte("\n"))
	m, findings := manifest.Parse(text)
	if m == nil {
		for _, f := range findings {
			f.File = a.name
			a.unusable = append(a.unusable, f)
		}
		return
	}
	a.wants = []want{{name: m.Source.Name, sha256: m.Source.SHA256, size: m.Source.Size, line: m.Source.Line, field: "source"}}
	for _, group := range m.Binary {
		for _, p := range group.Packages {
			w := want{p.File.Name, group.Name, p.File.SHA256, p.File.Size, p.File.Line, "binpkgs." + group.Name + "." + p.Name}
			if group.Name == arch {
				a.wants = append(a.wants, w)
			} else {
				a.others = append(a.others, w)
			}
		}
	}
	if len(a.wants) == 1 {
		a.wants, a.others = append(a.wants, a.others...), nil
	}
}

// lookup finds an entry of the drop folder.
type lookup func(name string) (vfs.Info, bool)

// stateOf is a hash over the manifest and the files that it wants: presence, kind,
// inode, size and modification time.
func (a *arrival) stateOf(at lookup) (state [sha256.Size]byte) {
	h := sha256.New()
	see := func(name string) {
		info, ok := at(name)
		id := repo.IdentityOf(info)
		fmt.Fprintln(h, ok, info.Mode.Type(), id.Ino, id.Size, id.ModTime)
	}
	see(a.name)
	for _, w := range a.bundle() {
		see(w.name)
	}
	h.Sum(state[:0])
	return state
}

// seen notes what the upload looks like now.
func (a *arrival) seen(now time.Time, state [sha256.Size]byte) {
	if a.since.IsZero() || a.state != state {
		a.state, a.since = state, now
		a.doubted, a.fails, a.retry = false, 0, time.Time{}
	}
}

// lacking is what keeps the upload from being whole.
func (a *arrival) lacking(at lookup) []report.Finding {
	if len(a.unusable) > 0 {
		return a.unusable
	}
	var list []report.Finding
	for _, w := range a.wants {
		info, ok := at(w.name)
		switch {
		case !ok:
			list = append(list, a.missing(w, "is not there"))
		case !info.IsRegular():
			list = append(list, a.missing(w, "is a "+vfs.TypeName(info.Mode)+", not a file"))
		case info.Size != w.size:
			list = append(list, a.otherSize(w, info.Size))
		}
	}
	return list
}

func (a *arrival) missing(w want, problem string) report.Finding {
	return report.Finding{
		Code: report.CodeMissing, File: a.name, Line: w.line, Field: w.field + ".file", Expected: w.name,
		Message: fmt.Sprintf("the declared file %s %s", w.name, problem),
		Hint:    "copy the source tarball and all packages into the drop folder",
	}
}

func (a *arrival) otherSize(w want, size int64) report.Finding {
	f := report.Finding{
		Code: report.CodeSize, File: a.name, Line: w.line, Field: w.field + ".size",
		Expected: strconv.FormatInt(w.size, 10), Actual: strconv.FormatInt(size, 10),
		Message: fmt.Sprintf("the file %s is shorter than declared", w.name),
		Hint:    "copy the file again: it is cut short, or the manifest belongs to another build",
	}
	if size > w.size {
		f.Message = fmt.Sprintf("the file %s is longer than declared", w.name)
		f.Hint = "copy the file again, or build again: it belongs to another build than the manifest"
	}
	return f
}

func (a *arrival) unread(name string) report.Finding {
	return report.Finding{
		Code: report.CodeMissing, File: a.name, Expected: name,
		Message: fmt.Sprintf("the file %s may not be read by the user that runs mmpush", name),
		Hint:    "make the file readable for the user that runs mmpush",
	}
}

// unended is what is told of a manifest whose last line is not ended.
func (a *arrival) unended() []report.Finding {
	return []report.Finding{{
		Code: report.CodeYAML, File: a.name,
		Message: "the manifest's last line is not ended: more of it may follow",
		Hint:    "end the manifest with a line break, as mmpack-build does",
	}}
}

// unreadable is which of the files may not be read; cp -p, for instance, gives a
// file its mode at the very end.
func (s *Scanner) unreadable(a *arrival) []report.Finding {
	var list []report.Finding
	for _, w := range a.bundle() {
		f, err := s.opt.Drop.Open(w.name)
		if err == nil {
			_ = f.Close()
		} else if errors.Is(err, fs.ErrPermission) {
			list = append(list, a.unread(w.name))
		}
	}
	return list
}

// atRest reports whether each file got something else than content last: it was
// renamed into its place, or given its final time or mode. That is done when
// everything is written. A file that is being written has both times equal.
func (a *arrival) atRest(at lookup) bool {
	rest := func(name string) bool {
		info, ok := at(name)
		return ok && info.ChangeTime.After(info.ModTime)
	}
	for _, w := range a.wants {
		if !rest(w.name) {
			return false
		}
	}
	for _, name := range upload.SignatureNames(a.name) {
		if _, there := at(name); there && !rest(name) {
			return false
		}
	}
	return rest(a.name)
}
