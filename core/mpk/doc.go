// Package mpk reads mmpack's binary packages: tar archives compressed with zstd.
//
// In: the stream of one .mpk. Out: a [Package] (what MMPACK/metadata and the
// pkginfo file say, the hash of the sha256sums file, the list of members), and
// findings for everything that is wrong with it.
//
// It promises:
//
//   - One pass: [Read] reads the stream once and to its very end, also when the
//     package is bad, so that a caller can hash it on the way.
//   - Memory does not grow with the size of the package, only with the number of
//     its members, which is limited.
//   - A package without findings is one that every reader of tar understands in
//     the same way, that unpacks below its prefix only, and whose texts cannot
//     add lines to an index.
//
// It does not compare the package with the manifest, nor metadata with pkginfo:
// verify does. Nor does it compare the sha256sums file with the members; it
// checks that it is the file that metadata declares.
//
// Metadata has to come before the files that it names: mmpack-build sorts the
// members, and 'M' is before 'v'. Another order would mean to keep what may
// never be needed.
//
// It may import archive, stanza and report. This package is public API. The
// subfolder mpktest writes packages and whole uploads for tests.
package mpk
