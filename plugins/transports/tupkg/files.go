package tupkg

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// prepare makes the declaration of the upload's files for the server's architectures,
// the manifest last. They are verified before, unless they are large and look right. Where
// something refuses, there is no declaration.
func (c *conversation) prepare(ctx context.Context, archs []string) (*wire.Set, []report.Finding, error) {
	if c.u.Kind == upload.Pacman {
		// They were read before: without a manifest, the files say how large they are.
		return &wire.Set{
			Files: c.files.packages(), DryRun: c.o.DryRun, Progress: c.told,
			Wishes: wire.Wishes{Rebuild: c.o.Rebuild, Downgrade: c.o.Downgrade, TakeOver: c.o.TakeOver},
		}, nil, nil
	}
	archs = c.files.architectures(archs)
	list := c.files.of(archs)
	beside := !c.o.DryRun && c.files.plausible(list)
	var found []report.Finding
	var err error
	if !beside {
		found, err = check(ctx, c.u, archs, upload.Options{Progress: c.o.Progress})
	}
	if err != nil || report.Refused(found) {
		return nil, found, err
	}
	text, err := c.files.manifestText()
	if err != nil {
		return nil, nil, err
	}
	last := c.files.manifest(text)
	if beside {
		c.checking = newChecking(ctx, c.u, archs, cmp.Or(c.o.VerifyAfter, besideAfter))
		c.checking.guard(list, &last)
	}
	list = append(append(list, c.files.signatures()...), last)
	return &wire.Set{
		Files: list, Manifest: text, ManifestFile: len(list) - 1, DryRun: c.o.DryRun,
		Wishes:   wire.Wishes{Rebuild: c.o.Rebuild, Downgrade: c.o.Downgrade, TakeOver: c.o.TakeOver},
		Progress: c.told,
	}, found, nil
}

// check says what is wrong with the files of these architectures, as the server will.
func check(ctx context.Context, u upload.Upload, archs []string, opt upload.Options) ([]report.Finding, error) {
	var found []report.Finding
	read, err := upload.Inspect(ctx, u, archs, opt)
	if err != nil {
		return nil, err
	}
	for _, arch := range archs {
		more, err := verify.Run(ctx, read, arch, nil)
		if err != nil {
			return nil, err
		}
		for _, f := range more {
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found, nil
}

// files are those of the upload as the wire wants them. At most one is open.
type files struct {
	u    upload.Upload
	name string
	open vfs.File
}

// architectures are those of the manifest that a server publishes for. If the server
// does not say, or has none of them, it is those whose packages are here; the server's
// own answer tells the rest.
func (f *files) architectures(served []string) []string {
	var known, here []string
	for _, a := range f.u.Manifest.Binary {
		if slices.Contains(served, a.Name) {
			known = append(known, a.Name)
		}
		if len(a.Packages) > 0 && f.there(a.Packages[0].File.Name) {
			here = append(here, a.Name)
		}
	}
	switch {
	case len(known) > 0:
		return known
	case len(served) > 0:
		return served[:1]
	case len(here) > 0:
		return here
	}
	return f.u.Manifest.Architectures()
}

func (f *files) there(name string) bool {
	_, err := f.u.FS.Lstat(path.Join(f.u.Dir, name))
	return err == nil
}

// of lists the source tarball and the packages of some architectures, each name once.
func (f *files) of(archs []string) []wire.File {
	var list []wire.File
	add := func(m manifest.File) {
		if !slices.ContainsFunc(list, func(other wire.File) bool { return other.Name == m.Name }) {
			list = append(list, wire.File{Name: m.Name, Size: m.Size, SHA256: m.SHA256, Content: content{f, m.Name}})
		}
	}
	for _, a := range f.u.Manifest.Binary {
		if !slices.Contains(archs, a.Name) {
			continue
		}
		for _, p := range a.Packages {
			if len(list) == 0 {
				add(f.u.Manifest.Source)
			}
			add(p.File)
		}
	}
	return list
}

// packages are the files of an upload without a manifest.
func (f *files) packages() []wire.File {
	var list []wire.File
	for _, p := range f.u.Files {
		list = append(list, wire.File{Name: p.Name, Size: p.Size, SHA256: p.SHA256, Content: content{f, p.Name}})
	}
	return list
}

// manifest declares the manifest's file. A server knows it by its suffix, and takes no
// name with a dot in front.
func (f *files) manifest(text []byte) wire.File {
	sum := sha256.Sum256(text)
	return wire.File{
		Name: f.manifestName(), Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Content: strings.NewReader(string(text)),
	}
}

// signatures are the files of signatures, under the manifest's name on the server.
func (f *files) signatures() []wire.File {
	var list []wire.File
	for _, s := range f.u.Signatures {
		sum := sha256.Sum256(s.Text)
		list = append(list, wire.File{
			Name: f.manifestName() + strings.TrimPrefix(s.Name, f.u.Name), Size: int64(len(s.Text)),
			SHA256: hex.EncodeToString(sum[:]), Content: bytes.NewReader(s.Text),
		})
	}
	return list
}

const manifestSuffix = ".mmpack-manifest"

func (f *files) manifestName() string {
	if f.u.Manifest == nil {
		return f.u.Name
	}
	if strings.HasSuffix(f.u.Name, manifestSuffix) && wire.CheckName(f.u.Name) == nil {
		return f.u.Name
	}
	return f.u.Manifest.Name + "_" + f.u.Manifest.Version + manifestSuffix
}

// at opens a file in place of the one that is open.
func (f *files) at(name string) (vfs.File, error) {
	if f.open != nil && f.name == name {
		return f.open, nil
	}
	f.close()
	file, err := f.u.FS.Open(path.Join(f.u.Dir, name))
	if err != nil {
		return nil, err
	}
	f.name, f.open = name, file
	return file, nil
}

func (f *files) close() {
	if f.open != nil {
		_ = f.open.Close()
		f.open = nil
	}
}

var _, _ wire.Filed = content{}, guarded{}

// content gives the bytes of one file.
type content struct {
	f    *files
	name string
}

// ReadAt implements [io.ReaderAt], for one goroutine.
func (c content) ReadAt(p []byte, off int64) (int, error) {
	file, err := c.f.at(c.name)
	if err != nil {
		return 0, err
	}
	return file.ReadAt(p, off)
}

// Filed implements [wire.Filed].
func (c content) Filed(int64) (syscall.Conn, error) {
	file, err := c.f.at(c.name)
	if err != nil {
		return nil, err
	}
	conn, _ := file.(syscall.Conn)
	return conn, nil
}

// manifestText reads the manifest's file.
func (f *files) manifestText() ([]byte, error) {
	text, err := vfs.ReadFile(f.u.FS, path.Join(f.u.Dir, f.u.Name), manifest.MaxSize)
	if err != nil {
		return nil, &report.Error{Stage: "send", Code: report.CodeDisk, File: f.u.Name, Err: err}
	}
	return text, nil
}

// md5Of reads a whole file.
func md5Of(ctx context.Context, f wire.File) (string, error) {
	sum := md5.New()
	buf := make([]byte, 256<<10)
	for at := int64(0); at < f.Size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Content.ReadAt(buf[:min(int64(len(buf)), f.Size-at)], at)
		sum.Write(buf[:n])
		at += int64(n)
		if err != nil && at < f.Size {
			return "", fmt.Errorf("%w: %s: %w", wire.ErrLocal, f.Name, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
