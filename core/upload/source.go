package upload

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// open opens one file of the uploader. What is not an ordinary file that can be
// read is a finding: it is the uploader's doing.
func (r *reader) open(got *Received) (vfs.File, *report.Finding, error) {
	name := path.Join(r.u.Dir, got.Name)
	f, err := r.u.FS.Open(name)
	if err != nil {
		problem := unusable(r.u.FS, name, err)
		if problem == "" {
			return nil, nil, r.sourceError(got.Name, err)
		}
		return nil, r.missing(got, problem), nil
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, r.sourceError(got.Name, err)
	}
	if !info.IsRegular() {
		f.Close()
		return nil, r.missing(got, "is a "+vfs.TypeName(info.Mode)+", not a file"), nil
	}
	got.Found, got.Origin = true, info
	return f, nil, nil
}

// unusable says what is wrong with a file that did not open; nothing if it is the
// machine. The look at the name comes after the failure and decides about the
// message only.
func unusable(fsys vfs.FS, name string, cause error) string {
	info, err := fsys.Lstat(name)
	link := err == nil && info.Mode&fs.ModeSymlink != 0
	switch {
	case errors.Is(cause, fs.ErrNotExist) && link:
		return "is a link that leads to nothing"
	case errors.Is(cause, fs.ErrNotExist):
		return "is not there"
	case errors.Is(cause, fs.ErrPermission):
		return "may not be read by the user that runs mmpush"
	case link && !machineFault(cause):
		return "is a link that leads out of the folder, or not to a file"
	case err == nil && !link && !info.IsRegular() && !info.Mode.IsDir():
		return "is a " + vfs.TypeName(info.Mode) + ", not a file"
	}
	return ""
}

// machineFault tells the system's own errors from those of a link that an FS does
// not follow.
func machineFault(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && errno != syscall.ELOOP && errno != syscall.ENOTDIR
}

func (r *reader) missing(got *Received, problem string) *report.Finding {
	f := r.declaredAt(got)
	f.Code = report.CodeMissing
	f.Expected = got.Name
	f.Message = fmt.Sprintf("the declared file %s %s", got.Name, problem)
	f.Hint = "copy the source tarball and all packages into the manifest's folder"
	return &f
}

// sourceError is about reading the uploader's file.
func (r *reader) sourceError(name string, err error) error {
	return diskError(r.u.displayPath(name), err, "the disk refused to read the file; try again, or copy the file again")
}

// stageError is about writing the copy.
func (r *reader) stageError(name string, err error) error {
	staged := Upload{FS: r.to, Dir: r.folder}
	return diskError(staged.displayPath(name), err, "nothing is published yet; run the same command again when there is room")
}

func diskError(file string, err error, hint string) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		// File says the path; once is enough.
		err = fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return &report.Error{Stage: "stage", Code: report.CodeDisk, Kind: report.KindInternal, File: file, Err: err, Hint: hint}
}

func stopped(stage, file string, err error) error {
	return &report.Error{Stage: stage, Code: report.CodeStopped, Kind: report.KindInternal, File: file, Err: err}
}
