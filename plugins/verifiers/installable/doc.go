// Package installable is the verifier "installable": whether clients can still install
// everything after a change.
//
// In: the published index, the plan of a change, and the indexes of other repositories
// in local folders that clients of this one have, too. Out: a finding for each package
// whose dependencies can be met no more, and for each that comes in with dependencies
// that cannot be met; with the dependency, and what is there instead.
//
//	bases: [/srv/repo/base]     folders of other repositories
//	ignore: ["test-*"]          packages that are not looked at
//
// A dependency is "NAME", "NAME (>= VERSION)", "NAME (= VERSION)" or "NAME (< VERSION)",
// and a comma stands between two; several about one name have to be met by one package.
// Versions are compared as the client does ([index.CompareVersions]). The client takes
// "<" for "not above": where this differs from what the sign says, it is the client that
// decides what can be installed, so that the same is done here. It stops at any other
// sign: a package that comes in with one is refused.
//
// A package that could not be installed before either is not told: somebody else's
// change is not to be refused for it. Nor is a package told whose dependency is there,
// and cannot be installed itself: the one at fault is.
//
// Only what a change takes away or puts in place of another version can break a package
// that stays. If there is none, as with a new package, the index is not read; else it is
// read once, as a stream, and memory does not grow with it. The other repositories are
// opened only if this one does not have what is needed.
//
// In a batch each step is judged by itself: what others need comes first.
//
// It imports config, index, plan, report, repo, upload, verify and vfs. It may change at any
// release.
package installable
