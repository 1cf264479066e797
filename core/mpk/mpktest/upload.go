package mpktest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive/archivetest"
)

// Upload is a manifest with its files. The zero value is a valid upload of one
// package.
type Upload struct {
	// Name is the source's name, "foo" if it is empty; Version is "1.0.0"; Arch
	// is "amd64-debian", and stands in the manifest's own name, too.
	Name, Version, Arch string
	// Packages is one package of the source's name if it is empty. A package may
	// have an Arch of its own.
	Packages []Package
	// Salt changes the source tarball and every package, and nothing else.
	Salt string
	// SourceFiles are members of the source tarball, besides one small file.
	SourceFiles []Member
	// EditManifest, if it is set, returns the text to write instead.
	EditManifest func(text string) string
}

// File is one file of an upload.
type File struct {
	Name   string
	SHA256 string
	Size   int64
	// Data is nil after [Upload.Write].
	Data []byte
}

// PackageFile is the file of one package.
type PackageFile struct {
	Package Package
	File    File
}

// Built is an upload in memory.
type Built struct {
	Manifest File
	Source   File
	Packages []PackageFile
}

// Files returns all files, the manifest last.
func (b Built) Files() []File {
	all := []File{b.Source}
	for _, p := range b.Packages {
		all = append(all, p.File)
	}
	return append(all, b.Manifest)
}

func (u Upload) filled() Upload {
	u.Name = cmp.Or(u.Name, "foo")
	u.Version = cmp.Or(u.Version, "1.0.0")
	u.Arch = cmp.Or(u.Arch, "amd64-debian")
	if u.Packages == nil {
		u.Packages = []Package{{}}
	}
	return u
}

// ManifestName is the base name of the manifest.
func (u Upload) ManifestName() string {
	u = u.filled()
	return u.Name + "_" + u.Version + "_" + u.Arch + ".mmpack-manifest"
}

// SourceName is the base name of the source tarball.
func (u Upload) SourceName() string {
	u = u.filled()
	return u.Name + "_" + u.Version + "_src.tar.xz"
}

// Build makes the upload in memory.
func (u Upload) Build() Built {
	files := map[string]*bytes.Buffer{}
	b, err := u.make(func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return nopCloser{files[name]}, nil
	})
	if err != nil {
		panic(err) // memory does not fail: the options make no upload
	}
	b.Source.Data = files[b.Source.Name].Bytes()
	b.Manifest.Data = files[b.Manifest.Name].Bytes()
	for i, p := range b.Packages {
		b.Packages[i].File.Data = files[p.File.Name].Bytes()
	}
	return b
}

// Write writes the upload to dir, the manifest last, over files of these names,
// and returns the path of the manifest. Packages are streamed.
func (u Upload) Write(dir string) (manifest string, err error) {
	_, err = u.make(func(name string) (io.WriteCloser, error) {
		return os.Create(filepath.Join(dir, name))
	})
	return filepath.Join(dir, u.ManifestName()), err
}

// In is Write for a test, which it fails.
func (u Upload) In(tb testing.TB, dir string) (manifest string) {
	tb.Helper()
	manifest, err := u.Write(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return manifest
}

func (u Upload) make(create func(name string) (io.WriteCloser, error)) (Built, error) {
	u = u.filled()
	var b Built
	var err error
	b.Source, err = write(create, u.SourceName(), func(w io.Writer) error {
		return u.writeSource(w)
	})
	if err != nil {
		return b, err
	}
	for _, p := range u.Packages {
		p = u.complete(p, b.Source.SHA256)
		f, err := write(create, p.FileName(), p.Write)
		if err != nil {
			return b, err
		}
		b.Packages = append(b.Packages, PackageFile{p, f})
	}
	text := Manifest(u.Name, u.Version, b.Source, b.Packages...)
	if u.EditManifest != nil {
		text = u.EditManifest(text)
	}
	b.Manifest, err = write(create, u.ManifestName(), func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	return b, err
}

// complete gives a package what it has from its upload.
func (u Upload) complete(p Package, srcsha256 string) Package {
	p.Name = cmp.Or(p.Name, u.Name)
	p.Version = cmp.Or(p.Version, u.Version)
	p.Source = cmp.Or(p.Source, u.Name)
	p.Arch = cmp.Or(p.Arch, u.Arch)
	p.SrcSHA256 = cmp.Or(p.SrcSHA256, srcsha256)
	p.Salt = u.Salt + p.Salt
	return p
}

func (u Upload) writeSource(w io.Writer) error {
	x := archivetest.XZ(w)
	files := append([]Member{{Name: "./"}, {Name: "./README", Body: u.Name + " " + u.Version + " " + u.Salt + "\n"}}, u.SourceFiles...)
	if err := archivetest.Tar(x, files...); err != nil {
		return err
	}
	return x.Close()
}

// SourceTarball is the .tar.xz of an upload with this name, version and salt.
func SourceTarball(name, version, salt string) []byte {
	var buf bytes.Buffer
	if err := (Upload{Name: name, Version: version, Salt: salt}).filled().writeSource(&buf); err != nil {
		panic(err) // memory does not fail
	}
	return buf.Bytes()
}

// Manifest is the text of a manifest, in the form that mmpack-build writes. The
// architectures come in the order in which packages name them.
func Manifest(name, version string, source File, packages ...PackageFile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nsource:\n%sversion: '%s'\nbinpkgs:\n", name, entry("  ", source), version)
	var archs []string
	for _, p := range packages {
		if !slices.Contains(archs, p.Package.filled().Arch) {
			archs = append(archs, p.Package.filled().Arch)
		}
	}
	for _, arch := range archs {
		fmt.Fprintf(&b, "  %s:\n", arch)
		for _, p := range packages {
			if p.Package.filled().Arch == arch {
				fmt.Fprintf(&b, "    %s:\n%s", p.Package.filled().Name, entry("      ", p.File))
			}
		}
	}
	return b.String()
}

func entry(indent string, f File) string {
	return fmt.Sprintf("%[1]sfile: %[2]s\n%[1]ssha256: %[3]s\n%[1]ssize: %[4]d\n", indent, f.Name, f.SHA256, f.Size)
}

// write makes one file and tells its size and hash.
func write(create func(string) (io.WriteCloser, error), name string, content func(io.Writer) error) (File, error) {
	w, err := create(name)
	if err != nil {
		return File{}, err
	}
	h := sha256.New()
	n := &counter{w: io.MultiWriter(w, h)}
	if err := content(n); err != nil {
		_ = w.Close() // the first error is the one that tells
		return File{}, fmt.Errorf("write %s: %w", name, err)
	}
	return File{Name: name, SHA256: hex.EncodeToString(h.Sum(nil)), Size: n.n}, w.Close()
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
