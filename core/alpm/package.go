package alpm

import (
	"regexp"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
)

// Info is what .PKGINFO says. Values are as the file has them, with runs of white
// space as one space; absent ones are empty.
type Info struct {
	Name, Base, Version, Description, URL string
	// BuildDate is in seconds since 1970, and Size in bytes, installed: digits.
	BuildDate, Size string
	Packager, Arch  string
	Licenses        []string
	Replaces        []string
	Groups          []string
	Conflicts       []string
	Provides        []string
	Depends         []string
	OptDepends      []string
	MakeDepends     []string
	CheckDepends    []string
}

// Source is the name of what the package was built from.
func (i Info) Source() string {
	if i.Base != "" {
		return i.Base
	}
	return i.Name
}

// Package is what one pass over a package tells about it.
type Package struct {
	Info Info
	// Files are the members in the archive's order, those that describe the package
	// included; folders without the final '/'.
	Files []archive.Member
	// DecodedSize is the size of the tar stream in bytes.
	DecodedSize int64
}

// Compression is how a package's file is compressed.
type Compression string

// The compressions that makepkg writes and pacman reads.
const (
	Zstd  Compression = "zst"
	XZ    Compression = "xz"
	Gzip  Compression = "gz"
	Bzip2 Compression = "bz2"
)

// extension is between a package's architecture and its compression.
const extension = ".pkg.tar."

// The rules for names: what makepkg accepts, less what file names and URLs cannot
// carry everywhere.
var (
	nameRule    = regexp.MustCompile(`^[A-Za-z0-9@_+][A-Za-z0-9@._+-]*$`)
	versionRule = regexp.MustCompile(`^([0-9]+:)?[A-Za-z0-9@._+]+-[0-9]+(\.[0-9]+)?$`)
	archRule    = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

// ValidName reports whether a package may have that name.
func ValidName(s string) bool { return len(s) <= maxWord && nameRule.MatchString(s) }

// ValidVersion reports whether s is [epoch:]version-release.
func ValidVersion(s string) bool { return len(s) <= maxWord && versionRule.MatchString(s) }

// ValidArch reports whether s can be an architecture, such as x86_64 or any.
func ValidArch(s string) bool { return len(s) <= maxWord && archRule.MatchString(s) }

// maxWord bounds names, versions and architectures, in bytes: together they are a
// file name.
const maxWord = 128

// FileName is the name that a package's file has to have.
func (i Info) FileName(c Compression) string {
	return i.Name + "-" + i.Version + "-" + i.Arch + extension + string(c)
}

// IsFileName reports whether a file of that name would be a package, and of which
// compression.
func IsFileName(name string) (Compression, bool) {
	for _, c := range []Compression{Zstd, XZ, Gzip, Bzip2} {
		if strings.HasSuffix(name, extension+string(c)) {
			return c, true
		}
	}
	return "", false
}
