package main

import (
	"context"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/vfs"
)

// acceptFlags say what becomes of accepted uploads.
type acceptFlags struct {
	Incoming       string `placeholder:"DIR" help:"Where pacman packages go, which need no manifest: DIR/USER/NAME. Default: incoming in the state's folder."`
	OnComplete     string `placeholder:"PROGRAM" help:"Run it after each accepted upload, as PROGRAM RESULT USER, with the facts as JSON on its standard input; without a shell."`
	Gensync        string `placeholder:"NAME=DIR" help:"Publish the packages of the incoming folder in this pacman repository, after each upload; the uploader is told what came of them."`
	OnCompleteTime span   `placeholder:"DURATION" help:"How long the program may take. Default: 1m."`
}

// accept sets what becomes of accepted uploads; at is the folder where the state is.
func (f *acceptFlags) accept(ctx context.Context, a *app, o *server.Options, served *repo.Repo, at string) (done func(), err error) {
	folder := ""
	if o.Incoming, folder, done, err = f.incoming(a, o.State, o.Dir, at); err != nil {
		return nil, err
	}
	program, err := f.complete(served.Path, folder, o.Log)
	if err == nil {
		var g *generator
		g, err = f.newGenerator(ctx, a, o, served, folder)
		o.Complete = both(g, program)
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// incoming is the folder for packages without a manifest, and where it is; state is that
// of the folder dir, at the path at.
func (f *acceptFlags) incoming(a *app, state vfs.FS, dir, at string) (i *server.Incoming, folder string, done func(), err error) {
	i = &server.Incoming{FS: state, Dir: path.Join(dir, "incoming"), Takes: takesPacman, Check: checkPacman}
	done, folder = func() {}, filepath.Join(at, "incoming")
	if f.Incoming != "" {
		open, err := vfs.OpenDir(f.Incoming)
		if err != nil {
			return nil, "", nil, &report.Error{Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, File: f.Incoming, Err: err}
		}
		done, folder = func() { _ = open.Close() }, f.Incoming
		i.FS, i.Dir = a.folder(open), "."
	}
	folder, err = filepath.Abs(folder)
	return i, folder, done, err
}

// signature is the end of the name of a package's signature.
const signature = ".sig"

// takesPacman reports whether a file is one of pacman's packages or the signature of
// one, and what the file's name says of it.
func takesPacman(name string) (source, arch string, ok bool) {
	stem := strings.TrimSuffix(name, signature)
	c, ok := alpm.IsFileName(stem)
	if !ok {
		return "", "", false
	}
	parts := strings.Split(strings.TrimSuffix(stem, ".pkg.tar."+string(c)), "-")
	if len(parts) < 4 {
		return "", "", true
	}
	n := len(parts) - 3
	source, version, arch := strings.Join(parts[:n], "-"), parts[n]+"-"+parts[n+1], parts[n+2]
	if !alpm.ValidName(source) || !alpm.ValidVersion(version) || !alpm.ValidArch(arch) {
		return "", "", true
	}
	return source, arch, true
}

// maxSignature is the largest signature that pacman's databases hold.
const maxSignature = 16 << 10

// checkPacman reads a package to its end, and holds its name to what it says of itself.
func checkPacman(ctx context.Context, fsys vfs.FS, at, name string) ([]report.Finding, error) {
	f, err := fsys.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, signature) {
		if info.Size > maxSignature {
			return []report.Finding{{
				Code: report.CodeLimit, Severity: report.SeverityError, Message: "a signature has at most 16384 bytes", Hint: "sign with a binary, detached signature",
			}}, nil
		}
		return nil, nil
	}
	c, _ := alpm.IsFileName(name)
	p, found, err := alpm.Read(ctx, io.Reader(f), info.Size, c, archive.DefaultLimits())
	if err != nil {
		return nil, err
	}
	if p != nil && p.Info.FileName(c) != name {
		found = append(found, report.Finding{
			Code: report.CodeMismatch, Severity: report.SeverityError, Expected: p.Info.FileName(c), Actual: name,
			Message: "the file has another name than the package in it", Hint: "rename the file as makepkg has named it",
		})
	}
	return found, nil
}
