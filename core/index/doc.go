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
// A Snapshot holds all texts in memory, some 1 KB for each package. Whoever needs
// less can put another View in its place: everybody else sees only [View] and
// [Edit].
//
// It imports archive, stanza, vfs and report. View, Edit and the types in them are
// public API.
package index
