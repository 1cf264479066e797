// Package plan decides what a publish or a removal would do to a repository. It is
// where the policy of a repository lives: what replaces what, what needs to be asked
// for, where a file is placed, what goes.
//
// In: an [index.View] (what is published), the data of an upload ([Addition]), an
// [index.Selector] or what the history knows of a change ([Reversal]), the [Rules] that
// hold for its source, and, as a function, what stands at a path. Out: a [Plan]: the edit
// of both indexes, the files to place and to retire, what was taken out with its place, and
// a line for each package.
//
// It is pure: nothing is read, written or locked here, and the same input gives the
// same plan. Plans stack: an edit on a View is a View, and whoever stacks answers
// taken for the files of the plans below.
//
// # What it promises
//
// Each binary name has one stanza; the last upload wins. A source stays as long as a
// binary names it, by source and srcsha256. Stanzas that the change is not about keep
// their place and their bytes; new ones go to the end, in the manifest's order, as
// mmpack-modifyrepo does it.
//
// Published bytes never change: a file goes to its base name only if nothing is there
// and no stanza says that something else should be; otherwise to pool/<sha256>/<name>.
// Only a file whose published bytes are damaged or gone is written where it stood.
//
// An upload that stands in the repository already changes nothing ([report.Unchanged]);
// what is damaged of it is put right without moving anything ([report.Restored]).
// Stanzas of other packages that crash the mmpack client are healed by every plan that
// changes an index anyway, and never are the only reason to change one; a dangerous
// stanza of the upload itself counts as damaged.
//
// A plan says what it drops, with places, and what it adds: [Undo] takes that back, exactly,
// unless something else has changed the same packages since. What a change only moved, and
// what it only wrote in a safer form, is nobody's loss and no hindrance.
//
// What the rules refuse is a finding, and all of them come at once. A plan with a
// finding that refuses has the result [report.Rejected] and nothing to do.
//
// It may import manifest, mpk, index and report, and neither os, io/fs, net nor time.
// This package is public API.
package plan
