// Package web shows a repository over HTTP: to readers its published files ([Files]), to
// its operator whether it is well and what it does ([Status], [Metrics]).
//
// Several repositories are shown below their names ([Set]).
//
// In: the repositories' folders, and requests. Out: what a plain web server would answer,
// with what such a one does not know.
//
// # What readers get
//
//   - GET and HEAD, also of ranges. Nothing else: nothing is ever written.
//   - A name with an element that begins with a dot is not found, nor is what the world
//     may not read, nor, unless [Files].List is set, a folder. Links are followed inside
//     of the repository, as the databases of pacman need it, and nowhere else.
//   - The ETag is the SHA-256 of the bytes, taken once of each file and believed as long
//     as the file is the same: device, inode, size and both its times.
//   - A file below pool/SHA256 never becomes another one, and caches need not ask again.
//     Everything else has to be asked about: an index changes with each publish, and the
//     plain name of a package is free for other bytes once the grace time is over. The
//     ETag makes that cheap.
//   - A file that was opened is sent to its end as it was, whatever is published meanwhile.
//
// # Limits
//
// Connections are limited, in all and from one address; a request has a time and a
// length; who reads an answer, from its first byte on, slower than [Limits].Rate is hung up on ([Serve]).
//
// [Status] is not for the world: it belongs on a loopback address.
//
// It imports report and vfs. It may change at any release.
package web
