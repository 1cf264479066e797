// Package stanza is the text form that mmpack's indexes and package metadata
// share: "key: value" lines, long values folded over continuation lines, one
// empty line after each stanza.
//
// In: the bytes of an index, or of a pkginfo. Out: stanzas as text, and their
// fields unfolded; fields as text, folded the way mmpack folds them.
//
// It promises that what [AppendField] writes is byte for byte what mmpack's own
// repository tool (mmpack-modifyrepo 0.7.9) writes, wherever that is safe, and
// that it reads back as the same value however often it is written again:
// nothing is trimmed, and the first physical line of a value never holds a ':'
// (the real client would lose the value, and crash on install).
//
// The other two readers of the format have limits that no way of writing gets
// around. The real C client puts one space in front of a value that has nothing
// on its first physical line; that is written only for a value that starts with
// ':' or white space or a newline, for one without folds that holds a ':', and
// for a first word of more than about 67 letters. mmpack's own repository tool
// loses newlines that stand next to each other, before a space or at the end of
// a value when it writes an index again, whoever wrote it first.
//
// mpk and index both read this form; that is why it is a room of its own, which
// the architecture's table does not have. It imports nothing of ours.
package stanza
