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
// # The repository
//
// [Format] is its layout, [Publish] the line from packages to a report:
//
//	NAME.db            -> NAME.db.tar.gz -> NAME.current/NAME.db.tar.gz
//	NAME.files         -> NAME.files.tar.gz -> NAME.current/NAME.files.tar.gz
//	NAME.current       -> .NAME.db/ID: the one index that core/commit switches
//	.NAME.db/ID/       both databases of one generation, and the table of their pieces
//	NAME-VERSION-ARCH.pkg.tar.*, and .sig beside it
//	metadata           its kind and name; .mmpush and lock as in core/repo
//
// One rename switches both databases. Who resolves NAME.current once sees both of one
// generation; over HTTP each is whole, and every file that it names is there: packages
// are in their places before, and stay for the grace time after. A folder of databases
// stays for [GenerationsKept] after another has taken its place.
//
// # Pieces
//
// A database is many gzip members, a piece each, which pacman and libarchive read as one
// file. A piece begins at one package name in 64, by the name's hash: so the bytes depend
// on the packages only, not on the steps in which they came. An edit reads, and writes
// anew, the pieces that it touches; the others are copied as bytes. Where the pieces stand,
// and what is in them, says a table beside the databases. It is a cache: without it, or
// with another checksum or about other files, the databases are read whole.
//
// # What the verbs do
//
// [Remove], [Undo] and [Heal] are the same line with another beginning. An undo needs the
// files that stayed for the grace time: each package that comes back is read again, so that
// its entry is made of its bytes. What a package was before a change and after it stands in
// the history.
//
// # Verifiers
//
// Those of the settings judge each package when it is read ([alpm.Verifier]), and what the
// plan comes to ([alpm.ChangeVerifier]). What comes back by an undo was judged before; the
// change is judged all the same.
//
// # Signatures
//
// Who publishes gives a [Signer], or the databases are not signed; those that are signed
// are never replaced by others by accident. NAME.db.tar.gz.sig stands in the folder of its
// generation, beside the database: the one rename switches both. Over HTTP a client that
// asks for the database ahead of a publish and for the signature after it has a pair that
// does not fit, says so, and asks again.
//
// There is no pool: pacman fetches a package by its plain name, beside the database. So
// a file that was published never changes; the same name with other bytes is a conflict
// as long as the file is there, even if it is retired.
//
// pacman fetches a database only if its date has grown, in whole seconds. Each publish
// is dated later than the one before, at most 2 s ahead of the clock; else it waits.
//
// Packages that users have sent without knowing of each other stand for themselves: of one name
// the newest that nothing refuses is published, and what is refused holds up nothing else.
//
// Each package is read once: copied into the stage, hashed (MD5 and SHA-256) and parsed.
// No shell, no repo-add, no other program is run.
//
// If another program has put a database in the place of our links, nothing is published
// until somebody has decided what holds.
//
// It imports access, alpm, archive, commit, repo, report, upkeep and vfs. It may change at any release.
package syncdb
