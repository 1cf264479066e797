package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Open reads the manifest in folder dir of fsys and returns what it declares, with the
// signatures that are beside it. The declared files are not looked at yet.
//
// A manifest that cannot be read is a *[report.Error] of stage "manifest" with the
// cause in its chain (fs.ErrNotExist, for instance); what is wrong in it are the
// findings, with the manifest as their file. If one of them refuses, the Upload
// may lack its Manifest and its Files.
func Open(ctx context.Context, fsys vfs.FS, dir, manifestName string) (Upload, []report.Finding, error) {
	u := Upload{Kind: Mmpack, Name: manifestName, FS: fsys, Dir: dir}
	if err := ctx.Err(); err != nil {
		return u, nil, stopped("manifest", u.displayPath(manifestName), err)
	}
	text, origin, err := readManifest(fsys, dir, manifestName)
	if err != nil {
		return u, nil, manifestError(u.displayPath(manifestName), err)
	}
	u.Origin, u.Text = origin, text
	m, findings := manifest.Parse(text)
	for i := range findings {
		if findings[i].File == "" {
			findings[i].File = manifestName
		}
	}
	if m == nil {
		return u, findings, nil
	}
	u.Manifest, u.Files = m, declared(m)
	signatures, more, err := readSignatures(fsys, dir, manifestName)
	u.Signatures = signatures
	return u, append(findings, more...), err
}

// errNotBase is about a manifest's name with a folder in it: then the files beside
// it would be looked for in the wrong place.
var errNotBase = errors.New("the manifest's name is given without its folder")

// readManifest reads one byte more than a manifest may have, so that the parser
// can tell.
func readManifest(fsys vfs.FS, dir, name string) ([]byte, vfs.Info, error) {
	if name == "" || name != path.Base(name) {
		return nil, vfs.Info{}, errNotBase
	}
	f, err := fsys.Open(path.Join(dir, name))
	if err != nil {
		return nil, vfs.Info{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, vfs.Info{}, &readError{err}
	}
	if !info.IsRegular() {
		return nil, vfs.Info{}, fmt.Errorf("is a %s, not a file", vfs.TypeName(info.Mode))
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(f, manifest.MaxSize+1)); err != nil {
		return nil, vfs.Info{}, &readError{err}
	}
	return text.Bytes(), info, nil
}

// readError is a failure of a file that could be opened: the disk's fault, not
// the caller's.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// absent says once that a file is not there, and keeps the cause.
type absent struct{ err error }

func (absent) Error() string   { return "there is no such manifest" }
func (e absent) Unwrap() error { return e.err }

func manifestError(file string, err error) error {
	e := &report.Error{Stage: "manifest", Code: report.CodeUsage, Kind: report.KindUsage, File: file, Err: err}
	var broken *readError
	switch {
	case errors.As(err, &broken):
		e.Code, e.Kind = report.CodeDisk, report.KindInternal
		e.Hint = "read the file again; if it fails again, the disk is damaged"
	case errors.Is(err, fs.ErrNotExist):
		e.Err = absent{err}
		e.Hint = "name the .mmpack-manifest file that mmpack-build wrote beside the packages"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "make the file readable for the user that runs mmpush"
	default:
		e.Hint = "name a .mmpack-manifest file; it is an ordinary file in the folder of its packages"
	}
	return e
}

// displayPath is a file of the upload as the user would write it.
func (u Upload) displayPath(name string) string {
	if d, ok := u.FS.(interface{ Path() string }); ok {
		return path.Join(d.Path(), u.Dir, name)
	}
	return path.Join(u.Dir, name)
}

// declared lists the files of a manifest, the source first.
func declared(m *manifest.Manifest) []File {
	files := []File{fileOf(m.Source)}
	for _, a := range m.Binary {
		for _, p := range a.Packages {
			files = append(files, fileOf(p.File))
		}
	}
	return files
}

func fileOf(f manifest.File) File { return File{Name: f.Name, Size: f.Size, SHA256: f.SHA256} }
