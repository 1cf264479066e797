package upload

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Options are how files are read. The zero value is usable.
type Options struct {
	// Limits bound what one package may decode to; zero means
	// [archive.DefaultLimits].
	Limits archive.Limits
	// Progress is told how far the reading is: at the start and the end of each
	// file and at most ten times a second in between, in the goroutine of the
	// caller. It may be nil.
	Progress func(Progress)
	// Settling, if it is not nil, goes on to make files durable when [Stage] has returned:
	// they are once its Wait has said so, which the caller has to call in any case. One may
	// serve several uploads.
	Settling *Settling
}

// Progress is how far the reading of an upload is. Sizes are in bytes, totals are
// the declared ones.
type Progress struct {
	// File is the base name of the file that is read now.
	File        string
	Done, Total int64
	// Number is the file's place among the Files that are read, from 1.
	Number, Files int
	// AllDone and AllTotal are over all of those files.
	AllDone, AllTotal int64
}

// Stage copies the source tarball and the packages of one architecture into a
// folder of to, under their base names, and says in Received what they are. The
// Upload that it returns has its files there.
//
// The folder must be there, with nothing in it that is called like one of the files, and the
// caller's own: nobody else may write to it. Files are made with mode 0644 and are durable; their entries are not: the
// commit syncs the folder that the files end up in. Large files are synced while others are
// read, and a long one while it is written, so calls of to can come at once. If the manifest has no
// package for arch, nothing is copied. What a [Giver] gives is not copied either; it is
// read and checked like everything else, unless the Giver has [Seen] it.
//
// Findings in Received are about the uploader's files. An error is a
// *[report.Error] of stage "stage"; what is in the folder then is for the caller
// to delete.
func Stage(ctx context.Context, u Upload, to vfs.FS, folder string, arch string, opt Options) (Upload, error) {
	r := newReader(u, opt)
	r.to, r.folder = to, folder
	received, err := r.all(ctx, []string{arch})
	if err != nil {
		return u, err
	}
	u.FS, u.Dir, u.Received = to, folder, received
	return u, nil
}

// Inspect reads the same files for several architectures, all of the manifest's
// if none is named, and checks them the same way, but copies nothing: the bytes
// that it saw may be others by the time that it returns.
func Inspect(ctx context.Context, u Upload, archs []string, opt Options) (Upload, error) {
	if len(archs) == 0 && u.Manifest != nil {
		archs = u.Manifest.Architectures()
	}
	received, err := newReader(u, opt).all(ctx, archs)
	if err != nil {
		return u, err
	}
	u.Received = received
	return u, nil
}

// parser reads a package: [mpk.Read], but in tests.
type parser func(ctx context.Context, r io.Reader, size int64, l archive.Limits) (*mpk.Package, []report.Finding, error)

// reader reads the files of one upload, one after the other.
type reader struct {
	u Upload
	// to is nil if nothing is to be copied.
	to      vfs.FS
	folder  string
	budget  *budget
	parse   parser
	buffers buffers
	meter   meter
	// settling makes durable what is staged.
	settling *Settling
	// later: the caller waits for that.
	later bool
	// flushEvery is [flushEvery], but in tests.
	flushEvery int64
}

func newReader(u Upload, opt Options) *reader {
	return &reader{
		u: u, budget: newBudget(orDefault(opt.Limits)), parse: mpk.Read, buffers: buffers{size: chunkSize},
		meter: meter{tell: opt.Progress, now: time.Now}, flushEvery: flushEvery,
		settling: cmp.Or(opt.Settling, NewSettling()), later: opt.Settling != nil,
	}
}

func orDefault(l archive.Limits) archive.Limits {
	if l == (archive.Limits{}) {
		return archive.DefaultLimits()
	}
	return l
}

// all reads the source and the packages of the named architectures; what it stages of
// them is durable then, or once the caller has waited.
func (r *reader) all(ctx context.Context, archs []string) ([]Received, error) {
	list, err := r.each(ctx, archs)
	if !r.later {
		err = cmp.Or(err, r.settling.Wait())
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (r *reader) each(ctx context.Context, archs []string) ([]Received, error) {
	if r.u.Manifest == nil {
		return nil, &report.Error{Stage: "stage", Code: report.CodeInternal, File: r.u.Name,
			Err: fmt.Errorf("the upload has no manifest to go by")}
	}
	list := wanted(r.u.Manifest, archs)
	r.meter.plan(list)
	r.buffers.plan(list)
	seen := map[string]string{}
	for i := range list {
		got := &list[i]
		if f := r.nameFinding(got, seen); f != nil {
			got.Findings = []report.Finding{*f}
			r.meter.skip(got.File)
			continue
		}
		if err := r.file(ctx, got); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// wanted lists what is to be read, in the manifest's order; nothing if there is
// no package for any of the architectures.
func wanted(m *manifest.Manifest, archs []string) []Received {
	list := []Received{{File: fileOf(m.Source)}}
	for _, a := range m.Binary {
		if !slices.Contains(archs, a.Name) {
			continue
		}
		for _, p := range a.Packages {
			list = append(list, Received{File: fileOf(p.File), Arch: a.Name, PackageName: p.Name})
		}
	}
	if len(list) == 1 {
		return nil
	}
	return list
}

// nameFinding refuses what could lead out of the folder or to the file of another
// package. The manifest's parser has refused that before; this is the last door
// before the disk.
func (r *reader) nameFinding(got *Received, seen map[string]string) *report.Finding {
	f := r.declaredAt(got)
	f.Actual = got.Name
	first, twice := seen[got.Name]
	switch {
	case twice && (first == "" || first == got.Arch):
		f.Code = report.CodeDuplicate
		f.Message = fmt.Sprintf("the file %q is declared twice", got.Name)
		f.Hint = "give each package its own file"
	case manifest.ValidFileName(got.Name) != nil:
		f.Code = report.CodeName
		f.Message = fmt.Sprintf("%q is not a file name that can be published", got.Name)
		f.Hint = "a file name has no folder in it and is none of the repository's own names"
	default:
		seen[got.Name] = got.Arch
		return nil
	}
	return &f
}

// declaredAt is a finding about the place in the manifest that names the file.
func (r *reader) declaredAt(got *Received) report.Finding {
	f := report.Finding{Severity: report.SeverityError, File: r.u.Name}
	if got.Arch == "" {
		f.Line, f.Field = r.u.Manifest.Source.Line, "source.file"
		return f
	}
	f.Field = "binpkgs." + got.Arch + "." + got.PackageName + ".file"
	for _, p := range r.u.Manifest.Packages(got.Arch) {
		if p.Name == got.PackageName {
			f.Line = p.File.Line
		}
	}
	return f
}

// readLimit is how much of a file is read: what is declared, and one byte to see
// that there is more.
func readLimit(declared int64) int64 { return min(max(declared, 0), math.MaxInt64-1) + 1 }
