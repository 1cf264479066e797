// Package vfs is the only door to the disk: every byte that mmpush reads from or
// writes to a repository, a stage or an upload goes through an [FS].
//
// Three implementations: [Dir] (the operating system's files below an os.Root, on Linux
// with openat2, which finds a deep folder in one call), [Mem] (in memory, with an exact account of what is durable, so that it can play
// a power loss), and [Observe] (around either of them: sees each call, and can
// fail it or end the process before it).
//
// It promises that no name, link or race leads outside the folder that an FS was
// opened on; that modes are exact whatever the umask; that opening never blocks on
// a pipe; and that nothing is durable before Sync or SyncDir says so. A failed
// Sync is never repeated: the kernel may have dropped the pages it could not write.
//
// # The model of a power loss
//
// Mem keeps, for each file, the content of its last Sync and the writes since;
// for each folder, the entries of its last SyncDir and the changes since. After
// a power loss any subset of those may be there, and a write may be there in part.
// A rename is atomic in one direction: the new name may be durable while the old
// one is still there too, never the reverse (the journaling file systems promise
// that much; without it no program could rename anything safely). A folder never
// has two names.
//
// It imports nothing of ours.
package vfs
