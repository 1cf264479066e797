package upload

import (
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Kind is the kind of an upload.
type Kind string

// The kinds.
const (
	// Mmpack is an upload that a .mmpack-manifest describes.
	Mmpack Kind = "mmpack"
	// Pacman is some of pacman's packages, with their signatures, and no manifest: the
	// upload's Files are all there is, and become visible at once.
	Pacman Kind = "pacman"
)

// File is one declared file of an upload.
type File struct {
	// Name is a base name.
	Name string
	// Size is in bytes.
	Size int64
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string
}

// Upload is a set of files with what was declared about them and, once it has
// been read, what was found.
type Upload struct {
	Kind Kind
	// Name is the manifest's file name; for kind pacman it only tells people what it is.
	Name string
	// Files are all declared files: the source tarball first, then the packages
	// in the manifest's order.
	Files []File
	// Manifest is set for kind mmpack.
	Manifest *manifest.Manifest
	// Text are the manifest's bytes, from which Manifest was read: what a signature is
	// over. Signatures are the files of signatures beside it. Both go with the upload
	// by every transport.
	Text       []byte
	Signatures []Signature
	// FS and Dir say where the files are: in folder Dir of FS.
	FS  vfs.FS
	Dir string
	// Origin is the identity of the manifest's file as [Open] read it.
	Origin vfs.Info
	// Received has one entry for each file that was read, in the order of Files;
	// empty before [Stage] or [Inspect].
	Received []Received
}

// Giver is what the FS of an [Upload] can be if it has files of its own making that
// nobody can write to any more: [Stage] then takes them as they are, without a copy.
type Giver interface {
	// Give gives a file one more name in an FS, and reports whether it did: only for a
	// file that has one name, and that nobody has open, or can open, to write to it. It
	// need not be durable: Stage sees to that. False is no error: Stage copies. The file's
	// mode may change; whoever gives it deletes its own name when the file is published.
	//
	// seen is what was found when this very file was written, byte for byte; nil if
	// nobody has looked, or it may be another one: then it is read.
	Give(name string, to vfs.FS, as string) (seen *Seen, given bool)
}

// Received is what was found when a file was read, once, from its first byte to
// its last.
type Received struct {
	File
	// Arch is the architecture of a binary package, empty for the source.
	Arch string
	// PackageName is the package's key in the manifest, empty for the source.
	PackageName string
	// Found is false if there is no such file, or it is not an ordinary one;
	// Findings says which.
	Found bool
	// Origin is the identity of the uploader's file when it was opened, so that
	// who deletes the original can see that it is still the same one.
	Origin vfs.Info
	// ActualSize and ActualSHA256 are of the bytes that were read. A file that is
	// larger than declared is not read to its end: then ActualSize is what the
	// file system said, and ActualSHA256 is empty.
	ActualSize   int64
	ActualSHA256 string
	// Package is what the .mpk says of itself; nil for the source and for what
	// could not be read as a package.
	Package *mpk.Package
	// Findings are what reading it found wrong, File filled in.
	Findings []report.Finding
}
