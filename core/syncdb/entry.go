package syncdb

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
)

// File is what is known of a package's file.
type File struct {
	// Name is the base name.
	Name string
	// Size is in bytes.
	Size int64
	// MD5 and SHA256 are lower-case hexadecimal digits.
	MD5, SHA256 string
	// Signature is the detached OpenPGP signature, binary; empty if there is none.
	Signature []byte
}

// Entry is one package in the databases.
type Entry struct {
	Desc
	// DescText and FilesText are the files desc and files. FilesText is nil where a
	// database of files has no such entry.
	DescText, FilesText []byte
}

// NewEntry is what repo-add writes about a package.
func NewEntry(p *alpm.Package, f File) Entry {
	return Entry{
		Desc: Desc{
			FileName: f.Name, Name: p.Info.Name, Base: p.Info.Base, Version: p.Info.Version, Arch: p.Info.Arch,
			Size: f.Size, MD5: f.MD5, SHA256: f.SHA256, Depends: p.Info.Depends, Provides: p.Info.Provides,
		},
		DescText:  formatDesc(p.Info, f),
		FilesText: formatFiles(p.Files),
	}
}

// formatDesc writes the fields in repo-add's order.
func formatDesc(i alpm.Info, f File) []byte {
	signature := ""
	if len(f.Signature) > 0 {
		signature = base64.StdEncoding.EncodeToString(f.Signature)
	}
	var b bytes.Buffer
	field := func(name string, values ...string) {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) > 0 {
			b.WriteString("%" + name + "%\n" + strings.Join(values, "\n") + "\n\n")
		}
	}
	field("FILENAME", f.Name)
	field("NAME", i.Name)
	field("BASE", i.Base)
	field("VERSION", i.Version)
	field("DESC", i.Description)
	field("GROUPS", i.Groups...)
	field("CSIZE", strconv.FormatInt(f.Size, 10))
	field("ISIZE", i.Size)
	field("MD5SUM", f.MD5)
	field("SHA256SUM", f.SHA256)
	field("PGPSIG", signature)
	field("URL", i.URL)
	field("LICENSE", i.Licenses...)
	field("ARCH", i.Arch)
	field("BUILDDATE", i.BuildDate)
	field("PACKAGER", i.Packager)
	field("REPLACES", i.Replaces...)
	field("CONFLICTS", i.Conflicts...)
	field("PROVIDES", i.Provides...)
	field("DEPENDS", i.Depends...)
	field("OPTDEPENDS", i.OptDepends...)
	field("MAKEDEPENDS", i.MakeDepends...)
	field("CHECKDEPENDS", i.CheckDepends...)
	return b.Bytes()
}

// formatFiles lists what the package installs, sorted by bytes; what describes it
// begins with a dot.
func formatFiles(members []archive.Member) []byte {
	names := make([]string, 0, len(members))
	for _, m := range members {
		if strings.HasPrefix(m.Name, ".") {
			continue
		}
		if m.Type == archive.FolderMember {
			m.Name += "/"
		}
		names = append(names, m.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var b bytes.Buffer
	b.WriteString("%FILES%\n")
	for _, name := range names {
		b.WriteString(name + "\n")
	}
	return b.Bytes()
}
