// Package gitpush makes uploads of what a git push brought into a bare repository.
//
// In: the lines `OLD NEW REF` that git gives its hooks ([ParseUpdates]) and the bare
// repository ([Open]). Out: for each update the manifests that it changed
// ([Repository.Changed]), and each of them as an upload.Upload whose files are the
// blobs of its folder ([Repository.Upload]), or what a build of the commit leaves
// ([Repository.Checkout], [Build]).
//
// Beside that stands what else a hook has to know: which refs publish where
// ([ReadConfig]), what the pusher asks for ([ParseOptions]), who the pusher is
// ([Repository.Pusher]), which pushes are not published yet ([Ledger]), how an answer
// looks on the pusher's terminal ([Voice]), and how a hook gets into a folder of hooks
// ([Install]).
//
// # What is published
//
// A manifest is changed if its blob or the blob of one of the files that it declares
// for the old and for the new commit differ. Of a new ref everything is changed. The
// old commit is the one whose state was published last: an update that could not be
// published stays in the ledger, and the next push to that ref takes it up. pre-receive
// writes there what git is about to take, so that no push is lost whose post-receive is
// killed before it can do so.
//
// Packages of pacman's need no manifest: one is changed if its blob, or that of its .sig,
// is another. All that a build leaves are published.
//
// Only blobs count: a manifest or a declared file that is a link, a submodule or a
// folder is refused, and so is a tree with a name in it that no folder can have. A
// blob that is a Git LFS pointer stands for the object in the LFS store of this
// machine.
//
// # Objects
//
// Loose objects and those that stand in a pack as they are come straight from the disk,
// without the index in memory; go-git parses them. What a pack keeps as a difference, and
// what lies elsewhere (alternates), is asked of `git cat-file`. In pre-receive the
// objects are in git's quarantine; both ways look there, too.
//
// # What it promises
//
//   - Object ids are relied on, never the ref's current value; a name from outside is
//     never part of a command or a path.
//   - No program sees a GIT_ variable but those that say where the objects are, and
//     none is started through a shell.
//   - Memory does not grow with the size of a blob, the number of objects or what a
//     tree expands to.
//   - Everything on the disk is below the bare repository, its LFS store, or the
//     folder that was given for it.
//
// It imports alpm, manifest, procgroup, upload, vfs and report, and go-git. It may change at any
// release.
package gitpush
