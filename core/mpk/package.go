package mpk

import "github.com/mmpush/mmpush/core/archive"

// Package is what one streaming pass over a .mpk tells about it.
type Package struct {
	Metadata Metadata
	Info     Info
	// SumshaSHA256 is the SHA-256 of the sha256sums file that Metadata names.
	SumshaSHA256 string
	// Files are the members in the archive's order, names as "./a/b".
	Files []archive.Member
	// DecodedSize is the size of the tar stream in bytes.
	DecodedSize int64
}

// Metadata is MMPACK/metadata, as mmpack-build 0.7.9 writes it.
type Metadata struct {
	MetadataVersion string
	Name            string
	Version         string
	Source          string
	// SrcSHA256 is the SHA-256 of the source tarball that it was built from.
	SrcSHA256 string
	// SumSHA256Sums is the declared SHA-256 of the sha256sums file.
	SumSHA256Sums string
	PkginfoPath   string
	SumshaPath    string
}

// Info is the pkginfo file; values are unfolded, absent ones empty.
type Info struct {
	Name      string
	Version   string
	Source    string
	SrcSHA256 string
	// Ghost is the text, "true" or "false".
	Ghost       string
	Description string
	Depends     string
	SysDepends  string
}
