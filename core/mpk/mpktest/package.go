package mpktest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/archive/archivetest"
)

// Member is a member of the package's tar archive.
type Member = archivetest.Member

// Package is what one .mpk says and holds. The zero value is a valid package.
type Package struct {
	// Name is "foo" if it is empty, Version "1.0.0", Source is Name, Arch
	// "amd64-debian". In an [Upload], the upload's own stand for the last three.
	Name, Version, Source, Arch string
	// SrcSHA256 is the hash of some other text if it is empty; in an [Upload],
	// that of the upload's source tarball.
	SrcSHA256 string
	// Ghost makes `ghost: true` and leaves the files out.
	Ghost bool
	// Description, Depends and SysDepends go into pkginfo; empty ones stay out.
	// A newline in Description is written as mmpack does.
	Description, Depends, SysDepends string
	// Salt changes the content of the package and nothing else.
	Salt string

	// Files are installed, and listed in the sha256sums file: "./bin/foo" and
	// the like. Folders come by themselves.
	Files []Member
	// Payload, if it is not 0, is the size of ./share/<name>/payload, bytes that
	// do not compress. They are made while they are written.
	Payload int64

	// Metadata, Pkginfo and Sums, if not empty, are the whole text of these files
	// instead of the generated one.
	Metadata, Pkginfo, Sums string
	// Extra members come last and are listed nowhere.
	Extra []Member
	// Edit, if it is set, returns the members to write instead of all of those
	// above, in the order of the archive.
	Edit func([]Member) []Member
}

// MetadataName is the member that describes a package.
const MetadataName = "./MMPACK/metadata"

// PkginfoName is the package's pkginfo member.
func (p Package) PkginfoName() string { return metadataFolder + p.filled().Name + ".pkginfo" }

// SumsName is the package's sha256sums member.
func (p Package) SumsName() string { return metadataFolder + p.filled().Name + ".sha256sums" }

// FileName is the base name of the .mpk, as mmpack-build gives it.
func (p Package) FileName() string {
	p = p.filled()
	return p.Name + "_" + p.Version + "_" + p.Arch + ".mpk"
}

const metadataFolder = "./var/lib/mmpack/metadata/"

func (p Package) filled() Package {
	p.Name = cmp.Or(p.Name, "foo")
	p.Version = cmp.Or(p.Version, "1.0.0")
	p.Source = cmp.Or(p.Source, p.Name)
	p.Arch = cmp.Or(p.Arch, "amd64-debian")
	p.SrcSHA256 = cmp.Or(p.SrcSHA256, hash(p.Source+" "+p.Version))
	return p
}

// Bytes is the .mpk.
func (p Package) Bytes() []byte {
	var buf bytes.Buffer
	if err := p.Write(&buf); err != nil {
		panic(err) // memory does not fail: the options make no archive
	}
	return buf.Bytes()
}

// Write writes the .mpk to w; memory does not grow with Payload.
func (p Package) Write(w io.Writer) error {
	z := archivetest.Zstd(w)
	if err := archivetest.Tar(z, p.Members()...); err != nil {
		return err
	}
	return z.Close()
}

// Members returns the members that Write writes.
func (p Package) Members() []Member {
	p = p.filled()
	files := slices.Clone(p.Files)
	if !p.Ghost {
		readme := fmt.Sprintf("%s %s %s\n", p.Name, p.Version, p.Salt)
		files = append(files, Member{Name: "./share/" + p.Name + "/README", Body: readme})
	}
	if p.Payload > 0 {
		files = append(files, Member{Name: "./share/" + p.Name + "/payload", Content: p.payload(), ContentSize: p.Payload})
	}
	files = append(files, Member{Name: p.PkginfoName(), Body: cmp.Or(p.Pkginfo, p.pkginfo())})
	sums := cmp.Or(p.Sums, p.sums(files))
	files = append(files,
		Member{Name: p.SumsName(), Body: sums},
		Member{Name: "./MMPACK/info", Body: p.Name + ":\n    version: " + p.Version + "\n"},
		Member{Name: MetadataName, Body: cmp.Or(p.Metadata, p.metadata(sums))})
	all := append(withFolders(files), p.Extra...)
	if p.Edit != nil {
		all = p.Edit(all)
	}
	return all
}

func (p Package) metadata(sums string) string {
	return lines("metadata-version", "1.0", "name", p.Name, "version", p.Version, "source", p.Source,
		"srcsha256", p.SrcSHA256, "sumsha256sums", hash(sums),
		"pkginfo-path", p.PkginfoName(), "sumsha-path", p.SumsName())
}

func (p Package) pkginfo() string {
	return lines("name", p.Name, "version", p.Version, "source", p.Source, "srcsha256", p.SrcSHA256,
		"ghost", fmt.Sprint(p.Ghost),
		"description", strings.ReplaceAll(p.Description, "\n", "\n .\n "),
		"depends", p.Depends, "sysdepends", p.SysDepends)
}

// lines is "key: value" for each pair whose value is not empty.
func lines(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(pairs[i] + ": " + pairs[i+1] + "\n")
		}
	}
	return b.String()
}

// sums is the sha256sums file for files.
func (p Package) sums(files []Member) string {
	var list []string
	for _, f := range files {
		sum := "reg-" + hash(f.Body)
		switch {
		case f.Type == '2':
			sum = "sym-" + hash(f.Link)
		case f.Content != nil:
			h := sha256.New()
			_, _ = io.CopyN(h, p.payload(), p.Payload) // neither side can fail
			sum = "reg-" + hex.EncodeToString(h.Sum(nil))
		}
		list = append(list, strings.TrimPrefix(f.Name, "./")+": "+sum+"\n")
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// payload returns the bytes of the payload, anew for each reader.
func (p Package) payload() io.Reader {
	return rand.NewChaCha8(sha256.Sum256([]byte(p.Name + " " + p.Version + " " + p.Salt)))
}

// withFolders adds the folders that files are in, and sorts as mmpack-build does.
func withFolders(files []Member) []Member {
	all := slices.Clone(files)
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.Name] = true
	}
	for _, f := range files {
		for name := f.Name; name != "./"; {
			name = parent(name)
			if !seen[name] {
				all = append(all, Member{Name: name})
			}
			seen[name] = true
		}
	}
	slices.SortStableFunc(all, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// parent is the folder of a member: "./a/" for "./a/b" and "./a/b/", "./" for
// all else.
func parent(name string) string {
	dir := path.Dir(strings.Trim(strings.TrimPrefix(name, "./"), "/"))
	if dir == "." {
		return "./"
	}
	return "./" + dir + "/"
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
