// Package sftp is the transport to a drop folder on a machine without mmpush for its
// users: the files go there by SFTP, over the user's own OpenSSH, and who watches the
// folder (core/watch) publishes them.
//
// In: a drop folder, an upload. Out: the watcher's verdict, or "accepted": all of it is
// there, and what becomes of it is decided later.
//
// Packages of pacman's have no manifest: a list of them ([watch.List]), made here, is
// brought in its place, and everything that is said of manifests holds for it.
//
// What happens, in this order: the upload's own files are verified as the repository
// will do it; the bytes go to temporary names, which are made of their SHA-256, so that
// the next push goes on where a lost one ended; when all are there in full length, they
// are renamed, the manifest last. Two that bring a manifest of one name do that one
// after the other, since their packages may have the same names: the second waits until
// the first one's upload has left the folder.
//
// The watcher and its repository decide what may be published: a push cannot ask for a
// rebuild, a downgrade or a take-over here.
//
// It promises:
//   - at no moment, the folder has a manifest of ours whose files were not whole;
//   - what is told to be published, the watcher has said of this very manifest, and not
//     before this push;
//   - every wait has an end.
//
// It imports core and the ssh transport, and is the only room that imports pkg/sftp.
package sftp
