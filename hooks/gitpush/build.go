package gitpush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/procgroup"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// shownLines is how much of the log of a failed build is shown.
	shownLines = 6
	// outputWord stands in a command for the folder that the build leaves uploads in.
	outputWord = "{out}"
	// maxBuildDepth is how deep in that folder manifests are looked for.
	maxBuildDepth = 16
)

// Built is what a build has left.
type Built struct {
	// FS is the folder with the uploads; Places, which are manifests, and Packages, which
	// are pacman's, have a Dir and a Name in it.
	FS               vfs.FS
	Places, Packages []Place
	Findings         []report.Finding
	// done deletes the checkout, and closes FS.
	done []func()
}

// Close deletes what was built; the log stays.
func (b *Built) Close() {
	for _, f := range slices.Backward(b.done) {
		f()
	}
	b.done = nil
}

// Build runs a target's command in a clean checkout of a change. It gets no variable of
// git's, MMPUSH_COMMIT and MMPUSH_REF, and the folder for its uploads as MMPUSH_OUT and
// for each {out} in the command. When it fails, prints too much or takes too long,
// nothing of it is left but the log, and a finding says so. The caller closes Built.
func (w Work) Build(ctx context.Context, t Target, c Change, ref string, number int, environ []string) (*Built, error) {
	name := fmt.Sprintf("build-%d", number)
	b := &Built{}
	fail := func(err error) (*Built, error) {
		b.Close()
		return nil, err
	}
	b.done = append(b.done, func() { _ = vfs.RemoveAll(w.r.FS, w.path(name)) })
	for _, dir := range []string{name, name + "/src", name + "/out"} {
		if err := w.r.FS.Mkdir(w.path(dir), w.r.folderMode()); err != nil {
			return fail(w.failed(err))
		}
	}
	root := filepath.Join(w.r.Path, filepath.FromSlash(w.path(name)))
	src, err := vfs.OpenDir(filepath.Join(root, "src"))
	if err != nil {
		return fail(w.failed(err))
	}
	b.done = append(b.done, func() { _ = src.Close() })
	if err := w.r.Checkout(ctx, c.Tree, src); err != nil {
		refusal, ok := errors.AsType[*Refusal](err)
		if !ok {
			return fail(err)
		}
		b.Findings = refusal.Findings
		return b, nil
	}
	problem, err := w.runBuild(ctx, t, c, ref, root, name, environ)
	if err != nil {
		return fail(err)
	}
	if problem != "" {
		b.Findings = []report.Finding{{
			Code: report.CodeBuild, Severity: report.SeverityError, Message: problem, Actual: w.tail(name + ".log"),
			Hint: "the whole log is in the bare repository: " + w.path(name+".log"),
		}}
		return b, nil
	}
	if err := w.collect(t, b, root, src); err != nil {
		return fail(err)
	}
	return b, nil
}

// runBuild runs the command; it says what is wrong with its end.
func (w Work) runBuild(ctx context.Context, t Target, c Change, ref, root, name string, environ []string) (problem string, err error) {
	log, err := w.r.FS.Create(w.path(name+".log"), w.r.fileMode())
	if err != nil {
		return "", w.failed(err)
	}
	defer log.Close()
	within, stop := context.WithTimeout(ctx, t.BuildTime)
	defer stop()
	out := filepath.Join(root, "out")
	args := slices.Clone(t.Build)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], outputWord, out)
	}
	printed := &bounded{to: log, left: t.BuildLog, over: stop}
	cmd := exec.CommandContext(within, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = filepath.Join(root, "src"), printed, printed, killWait
	cmd.Env = append(CleanEnv(environ), "MMPUSH_OUT="+out, "MMPUSH_COMMIT="+c.Commit.String(), "MMPUSH_REF="+ref, "PWD="+cmd.Dir)
	procgroup.Make(cmd)
	err = cmd.Run()
	procgroup.End(cmd)
	switch {
	case ctx.Err() != nil:
		return "", w.r.failed(ctx.Err())
	case printed.full.Load():
		return fmt.Sprintf("the build printed more than %d bytes and was stopped", t.BuildLog), nil
	case within.Err() != nil:
		return fmt.Sprintf("the build took longer than %s and was stopped", t.BuildTime.Round(time.Millisecond)), nil
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
		return "", &report.Error{
			Stage: "build", Code: report.CodeUsage, Kind: report.KindUsage, File: args[0], Err: err,
			Hint: "mmpush.build names a program of the server and its arguments",
		}
	case err != nil:
		return "the build ended with " + err.Error(), nil
	}
	return "", nil
}

// collect finds the manifests, and pacman's packages, that the build has left.
func (w Work) collect(t Target, b *Built, root string, src *vfs.Dir) error {
	if t.BuildFolder != "" {
		b.FS = src
		info, err := src.Lstat(filepath.ToSlash(t.BuildFolder))
		if err == nil && info.Mode.IsDir() {
			err = b.find(filepath.ToSlash(filepath.Clean(t.BuildFolder)), 0)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return w.failed(err)
		}
	} else {
		out, err := vfs.OpenDir(filepath.Join(root, "out"))
		if err != nil {
			return w.failed(err)
		}
		b.done = append(b.done, func() { _ = out.Close() })
		b.FS = out
		if err := b.find(".", 0); err != nil {
			return w.failed(err)
		}
	}
	if len(b.Packages) > maxManifests {
		b.Findings = append(b.Findings, report.Finding{
			Code: report.CodeBuild, Severity: report.SeverityError, Message: fmt.Sprintf("the build left more than %d packages", maxManifests),
			Hint: "let it leave only what is to be published",
		})
	}
	return nil
}

// NoneOf is the finding that a build has left none of what a repository takes.
func NoneOf(what string) report.Finding {
	return report.Finding{
		Code: report.CodeBuild, Severity: report.SeverityError, Message: "the build left no " + what + " where they are looked for",
		Hint: "it writes them to MMPUSH_OUT, or mmpush.buildFolder names the folder below the checkout",
	}
}

// find looks for manifests and packages; links are not followed.
func (b *Built) find(dir string, depth int) error {
	entries, err := b.FS.ReadDir(dir)
	if err != nil || depth > maxBuildDepth {
		return err
	}
	for _, e := range entries {
		_, isPackage := alpm.IsFileName(e.Name)
		switch {
		case e.Mode.IsDir():
			if err := b.find(path.Join(dir, e.Name), depth+1); err != nil {
				return err
			}
		case e.IsRegular() && strings.HasSuffix(e.Name, ManifestSuffix) && len(b.Places) < maxManifests:
			b.Places = append(b.Places, Place{Dir: dir, Name: e.Name})
		case e.IsRegular() && isPackage && len(b.Packages) <= maxManifests:
			b.Packages = append(b.Packages, Place{Dir: dir, Name: e.Name})
		}
	}
	return nil
}

// tail is the end of a log, a line each.
func (w Work) tail(name string) string {
	const enough = 4 << 10
	f, err := w.r.FS.Open(w.path(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	text := make([]byte, min(info.Size, enough))
	if n, err := f.ReadAt(text, info.Size-int64(len(text))); err != nil && !errors.Is(err, io.EOF) {
		text = text[:n]
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}

// bounded writes up to a limit and then says so, once.
type bounded struct {
	to   io.Writer
	left int64
	over func()
	full atomic.Bool
}

func (b *bounded) Write(p []byte) (int, error) {
	part := p[:min(int64(len(p)), b.left)]
	b.left -= int64(len(part))
	n, err := b.to.Write(part)
	if err == nil && len(part) < len(p) {
		b.full.Store(true)
		b.over()
		err = errors.New("too much output")
	}
	return n, err
}
