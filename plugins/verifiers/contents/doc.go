// Package contents is the verifier "contents": what a package installs.
//
// In: the packages of an upload, the plan of a change, and lists of what the published
// packages install. Out: findings. It has two parts.
//
// Each package by itself, read once as a stream: every installed file has to be in the
// package's own list of checksums, with its hash, and everything that is listed has to
// be there; no link leads out of the prefix that the package is installed in; no file
// has the setuid or the setgid bit; programs and libraries are of the architecture that
// the manifest names. The list holds "path: reg-<SHA-256 of the bytes>", or for a
// symbolic link "path: sym-<SHA-256 of its target>"; mmpack-build writes no line for a
// link to a folder, and none for what lies in MMPACK. An architecture that is not known
// here has no rule about machines.
//
// All packages together: no two of them may install the same path, since the client
// would let the second overwrite the first. What a published package installs is read
// from its list in REPO/.mmpush/files, a file named by the package's SHA-256. The
// verifier writes them: for each upload that it has read, and, a few with each change,
// for packages that were published before it was asked ("learn"). A package without a
// list is told in a warning that counts them. The lists are a cache: each begins with
// its own SHA-256, one that is damaged counts as missing, and those of packages that
// are neither published nor retired are deleted. A path that the published version of
// the same package has already is not looked for again: an upgrade that adds no path
// reads two lists, whatever the size of the repository.
//
//	setuid: [bin/ping]            patterns of paths, as of path.Match, that may have
//	                              the setuid or the setgid bit
//	outside-links: [etc/*]        links that may lead out of the prefix
//	machines: [share/firmware/*]  files that may be for another machine
//	shared: [share/info/dir]      paths that several packages may install
//	overlap: true                 whether packages are compared with each other
//	learn: 32                     how many lists one change makes for old packages
//
// Packages of pacman's are held against their .MTREE: each member has to be in it, with its
// type, size, SHA-256, mode and target, and everything that it lists has to be there; the
// bits and the machine as above. Their links may lead anywhere, and nothing compares them
// with each other.
//
// It promises: memory is bounded by the limits on archives, whatever an upload holds;
// it writes nothing but the lists.
//
// It imports alpm, archive, index, mpk, plan, repo, report, upload, verify and vfs, and config beside it.
// It may change at any release.
package contents
