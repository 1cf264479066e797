// Package scratch makes private temporary folders for programs that run beside us.
//
// In: where temporary folders are, and how the names of ours begin. Out: a [Folder] that
// nobody else can open.
//
// It promises: whatever a program leaves in a folder, [Folder.Remove] deletes it; a folder
// whose owner was killed is deleted by the next [Make] with the same prefix, which knows by
// its lock that nobody is there, and never before it is a minute old.
//
// It imports vfs. It may change at any release.
package scratch
