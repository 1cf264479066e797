// Package stanza is the text form that mmpack's indexes and package metadata
// share: "key: value" lines, long values folded over continuation lines, one
// empty line after each stanza.
//
// In: the bytes of an index, or of a pkginfo. Out: stanzas as text, and their
// fields unfolded; fields as text, folded the way mmpack folds them.
//
// It promises that what [AppendField] writes reads back as the same value in
// [Parse], in the real C client and in mmpack's own repository tool, however
// often it is written again: nothing is trimmed, and the first physical line of
// a value never holds a ':' (the real client would lose the value, and crash on
// install).
//
// mpk and index both read this form; that is why it is a room of its own, which
// the architecture's table does not have. It imports nothing of ours.
package stanza
