// Package alpm reads pacman's packages, and compares their versions as pacman does.
//
// In: the stream of one .pkg.tar.zst, .gz, .xz or .bz2, or two versions. Out: a
// [Package] (what .PKGINFO says, the list of members), and findings for everything
// that is wrong with it; or which version is newer ([Compare]).
//
// It promises what mpk promises of mmpack's packages: [Read] reads the stream once,
// to its very end; memory grows only with the number of members, which is limited;
// a package without findings is one that every reader of tar understands in the same
// way, that unpacks below the root only, and whose texts cannot add lines or fields
// to a database. Nothing of a package is ever given to a shell.
//
// .PKGINFO has to come before the files, as makepkg packs it: another order would
// mean to keep what may never be needed.
//
// The rules for names and versions are makepkg's, the order of versions is libalpm's
// (both 6.0.2, Debian's pacman-package-manager); the tests have 340 pairs with the
// answers of the real vercmp.
//
// It may import archive and report. This package is public API.
package alpm
