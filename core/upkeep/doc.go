// Package upkeep keeps a repository in order: it collects what is past its time,
// checks that everything is as it should be and repairs what is not, and copies what
// is published.
//
// In: an open repository, whatever its format. Out: [GC]: the retired files whose time
// is over are deleted, and what killed processes have left; a [Collection] names them.
// [Check]: each difference between what is and what should be, with a stable code and
// what a repair would do; [Repair] does it. [Export]: a folder that holds exactly what
// one generation of the indexes names.
//
// It promises: whatever is deleted or changed is done under the repository's lock and
// after recovery. GC deletes only what is on the list of retired files, is still the
// file that was put there, and is named by no index. Repair puts back only bytes that
// have the SHA-256 that the index names, and deletes nothing that may be somebody's:
// damaged files and a damaged history are set aside. Export takes the indexes of one
// generation, whatever is published meanwhile; at no moment does an index in the copy
// name a file that is not there.
//
// A format whose clients come by symbolic links ([Linked]) has its links checked and made
// again, and exported behind what they lead to.
//
// What is particular to a kind of repository comes in by [Format]. It imports repo,
// commit, vfs and report. It may change at any release.
package upkeep
