// Package upload brings the files that a build left behind to where they are
// published from, and says what they really are.
//
// In: a folder with a manifest and the files that it names. Out: an [Upload],
// which holds what was declared ([Open]) and what was found ([Stage], [Inspect]).
// Whether the two agree is the question of the verify room.
//
// It promises:
//   - each byte of a file is read once; the SHA-256, the copy and the look into
//     the package come from the same read, so that what is verified is what is
//     staged, whatever somebody does to the original meanwhile. Who writes the file
//     for a later [Stage] can look into it on that occasion ([Looks]): then the bytes
//     were read when they were written, and are not read again;
//   - the uploader's files are only read: never linked, renamed or changed, since
//     somebody may hold them open and write to them after the check. A [Giver] has
//     files of which it knows better, and gives those itself, with what was [Seen];
//   - not more than the declared size is read or written, and one byte to see that
//     there is more;
//   - memory does not grow with the size of a file;
//   - no goroutine and no open file is left behind, however it ends; a [Settling] that the
//     caller gives has some until its Wait returns.
//
// What is wrong with the files is a [report.Finding] in [Received]; an error means
// that the work could not go on (the disk failed, the context ended).
//
// It imports manifest, mpk, archive for its limits, vfs and report. This package
// is public API.
package upload
