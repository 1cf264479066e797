// Package index is the published state of a mmpack repository: its binary index and
// its source index.
//
// In: the two files ([Open]), or their texts ([NewView]). Out: a [Snapshot], which
// answers the questions of a [View]; with an [Edit] it is the next Snapshot
// ([Apply]), which writes the two files again.
//
// It promises:
//
//   - A stanza that an edit does not name keeps its place and its bytes. What is
//     written is the concatenation of the stanzas' texts, and equal input gives
//     equal bytes.
//   - Every form that the real client reads is read: several gzip members, empty
//     ones, bytes after the last member, keys in any order, unknown keys, several
//     empty lines, CRLF, bytes that are not UTF-8. What is wrong with a damaged
//     index is said with file and line, and nothing of it is used.
//   - What is written reads back as the same values in the real client and in
//     mmpack's own tools (within the limits of package stanza). Stanzas of others
//     that crash or mislead the client are found ([Snapshot.Dangerous]) and can be
//     written in a safe form ([Heal]).
//   - A Snapshot never changes; it may be used by several goroutines at once.
//
// # Pieces
//
// A publish costs what it changes, however many packages there are. An index is a list
// of pieces, runs of stanzas of some 256 KiB: in the binary index each is a gzip member
// (the real client, and mmpack's own tools, read concatenated members as one text), in
// the source index a part of the text. Of each stanza three hashes are known: of its
// name, of the source that it was built from, of its file. A question runs through one
// column of hashes and reads only the pieces with a hit; the text decides, so that equal
// hashes cost time and nothing else. An edit makes new pieces of those that it touches.
// Writing copies all others as bytes, without reading them where the system can do that,
// and compresses the new ones; pieces that have become too short are written together
// with a neighbour.
//
// A file that another tool wrote is one piece; it is cut up when it is written next.
// A piece whose bytes are not just its stanzas' texts (empty lines too many, bytes after
// the gzip data) is written again.
//
// The hashes, and where the pieces stand, are kept in a cache beside the index
// ([SaveCache]), valid for two files of exactly that inode, size, modification and change
// time. Without a valid one the files are read. A publish adds to the cache what it has
// changed; now and then it is written anew. Of each piece it also has the state of the
// file's SHA-256 at its end, so that the sum of a new file goes on from where it begins to
// differ. The cache is believed about what is not
// in an index, as it is of the same folder, mode and owner as everything else that a
// publish relies on; a checksum sees to accidents.
//
// It imports archive, stanza, vfs and report. View, Edit and the types in them are
// public API.
package index
