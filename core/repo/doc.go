// Package repo is a repository on the disk: where things are, its settings, its
// lock, its history and the files that it has retired.
//
// In: a folder behind a vfs.FS. Out: a [Repo] with its architecture and
// [Settings]; a held [Lock]; a [Stage] to prepare a change in; [Generation]
// records and [Retired] records, read and appended.
//
// # Layout
//
// The folder is the flat one that the real client reads, plus .mmpush for
// everything of ours:
//
//	metadata               "architecture: ARCH"; what makes it a repository
//	lock                   flock'ed around every change, by mmpack-modifyrepo too
//	binary-index.gz        the truth
//	source-index           the truth
//	NAME                   packages and source tarballs
//	pool/SHA256/NAME       a package whose NAME was taken by other bytes
//	.mmpush/settings.yaml  see [Settings]
//	.mmpush/holder         who holds the lock, for whoever waits
//	.mmpush/journal        a change that is decided and not finished (core/commit)
//	.mmpush/journal.prepared  one that waits for the decision of several repositories
//	.mmpush/decisions/TX   such a decision, in the first of the repositories
//	.mmpush/history        one line of JSON for each generation
//	.mmpush/kept-TX-NAME   a second name of the index files that the last generation wrote
//	.mmpush/parts/ID/      parts of a source that wait for other architectures
//	.mmpush/retired        one line of JSON for each file that no index names
//	.mmpush/stage/ID/      a change that is being prepared; flock'ed while it lives
//	.mmpush/trash/         what the sweeper is deleting
//	.mmpush/rejected/ID/   an interrupted publish that could not be finished
//
// It promises: a repository that only mmpack-modifyrepo ever wrote is valid, and
// losing .mmpush costs history and settings, never the repository. .mmpush is
// closed to others (0700, or 02770 with the setting "group"); published files are
// 0644 and folders 0755 whatever the umask.
//
// History and retired are append-only; a record is one line, written in one call
// and synced. A line that a power loss has torn is the last one and is cut before
// the next is appended. Each generation names the SHA-256 of the line before it,
// so that an edited or missing record shows ([Repo.VerifyHistory]). Nothing that a change
// needs depends on how long the history is: it is read from its end ([History.Newest]),
// and a generation is found by its number in some thirty reads ([History.Find]), since
// the numbers stand in order.
//
// A generation names the index files that it wrote, and of the last one they are kept
// under a second name. So an index that somebody else has written is known for what it
// is ([Repo.Wrote]), and the planner can tell what they did ([Repo.Kept]): a foreign
// generation. Where a file can have one name only, or where the other program wrote into
// the file itself, only that something was changed is known.
//
// [Format] is how a kind of repository (mmpack, pacman) names its index files and
// what they publish; commit and upkeep know no more of it.
//
// It imports archive for its limits, yamlfile, vfs and report. It may change at any release.
package repo
