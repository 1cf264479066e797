// Package sets publishes one source in several repositories, one for each architecture,
// as one decision, also when the parts come from parallel jobs.
//
// In: a [Set] of open repositories and the manifests of one source. Out: a
// report.Report; published in all repositories, in none, or accepted: the parts wait
// for those that are missing.
//
// # What belongs together
//
// Several manifests are one upload if name, version and source tarball are the same, and
// no two of them say different things about one architecture; else the difference
// refuses them. Each keeps its own bytes, so that its signature stays good. An
// architecture that the set has and the upload lacks refuses it, unless it is left out
// on purpose ([Request].Partial); one that the set does not have is a warning.
//
// # Parts that wait
//
// If the set expects architectures, a source is published when all of them are there.
// The key is (set, source, version). Parts lie in the repository of the first expected
// architecture, by name (home):
//
//	.mmpush/parts/lock             held for moments, by whoever adds or removes
//	.mmpush/parts/ID/group.json    what the parts have in common, and until when they wait
//	.mmpush/parts/ID/lock          held while the group is published
//	.mmpush/parts/ID/ARCH-RANDOM/  the manifest, its signatures, the files and part.json
//
// A part is verified and planned before it is taken, so that what would be refused is
// refused at once; then it is copied into a stage, synced, and renamed to its place,
// which is synced: an accepted part survives everything but the deadline and
// [Abort]. The same part again, from the same sender, is the same part; another one of the
// same architecture replaces it. What a failing disk, or somebody, has done to a part that
// waits is found when it is published, or comes again: then it is dropped, and who brings it
// again mends it. A record that cannot be read counts as not there. A part that was built
// from another tarball is refused: each job has made its own, and packages of different
// sources do not belong together.
//
// Who brings the last part publishes all of them, each with the rights of who sent it.
// If that is refused, nothing is published, that part is not kept, and the others wait on.
// If a process dies anywhere, the same push again finds what is there and goes on. A part
// that the repository serves already, byte for byte, is noted without its files; a group
// of nothing else is nobody's concern.
//
// What is past its deadline is dropped by the next push to the set, by `status` and `gc`.
//
// It imports the line (pipeline) with what it is given, repo, vfs and report. It may
// change at any release.
package sets
