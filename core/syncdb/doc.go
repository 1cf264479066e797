// Package syncdb turns pacman packages into the databases that pacman reads.
//
// In: the bytes of the databases as they are, packages that were read (core/alpm), and
// what is asked for. Out: the databases as they will be.
//
// # The format
//
// NAME.db is a tar archive, compressed with gzip, with two members for each package:
// the folder NAME-VERSION and NAME-VERSION/desc. NAME.files is the same with
// NAME-VERSION/files in addition. desc has one block per field, a line %FIELD%, the
// values one per line, an empty line; fields that are empty are left out. The facts are
// those of pacman and repo-add 6.0.2; the tests have the databases that repo-add wrote,
// and compare the entries byte for byte.
//
// Both databases are always written together, from the same packages, so that they
// agree. Entries are sorted by folder; equal input gives equal bytes. An entry that
// is not concerned keeps its bytes, whoever wrote it.
//
// It imports alpm, archive and report. It may change at any release.
package syncdb
