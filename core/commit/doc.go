// Package commit changes a repository so that no kill, power loss, full disk or
// other program can leave it broken. This page is the specification.
//
// In: a [Change], prepared in a stage: files to place, index files to write, files
// to retire, records for the history. Out: the change, durable, as one
// generation; or an error, and the repository as it was.
//
// # Words
//
// The index files are the truth. A reader fetches an index and then the files that
// it names, at any moment, from a plain web server. "Broken" is: an index that
// cannot be read or names a file that is not there with its bytes; a pair of
// indexes that disagrees for good; an acknowledged change that is gone; a refused
// one that is half there; a next run that needs help.
//
// # The order of a commit
//
//  1. The caller stages the change's files in .mmpush/stage/ID, with no lock held, and
//     syncs them, or says when they are ([Change].Settled).
//
//  2. [Begin] takes the lock, recovers (below) and sweeps dead stages.
//
//  3. [Tx.Commit] sees to it that nothing behind the commit point can fail for a
//     reason that is known before: pool folders are made, and their parents synced;
//     stage and targets are on one file system. It writes the new index files into the
//     stage and syncs them. Their modification time is max(now, that of the file they
//     replace + step), and never more than limit ahead of the clock: the repository's other
//     tool reloads an index only when that time has grown. The room that the records of
//     step 7 need is taken: a full disk is met here. Each gets a second name in .mmpush, by
//     which the next commit can tell what somebody else has changed; the journal's sync
//     makes it durable, and recovery makes it again. The stage folder and its parent are
//     synced; if .mmpush may be new, .mmpush and the repository's folder too. All of these
//     syncs run at once, as they do not depend on each other, and step 4 begins beside
//     them. An index may also be a symbolic link, for a format whose index files lie in a
//     folder of their own: what it says stands for its content, and it has no date to keep.
//
//  4. The journal says everything that follows: the intent in a form that can be
//     planned again, the files to place with their SHA-256, the identity of each
//     index file that the plan was made on (base: inode, size, modification time,
//     change time) and of the one that replaces it (next: inode, size, modification
//     time, SHA-256; a rename alters the change time), the files to retire and the
//     history record. It is written to a temporary name and synced; when all syncs
//     of step 3 have ended, it is renamed, and its folder synced. That is the commit point.
//
//  5. The files are renamed into their places, over nothing but damaged bytes; each
//     folder that received one is synced.
//
//  6. The index files are renamed, in the format's order; the folder is synced.
//
//  7. The retire records are appended and synced, beside the sync of step 6: such a
//     record deletes nothing that an index names. Then the history record, last:
//     a history that has the transaction says that everything before is durable. If
//     somebody else has written the indexes since the last generation, that is a record
//     of its own, written and synced before it.
//
//  8. The journal is removed. Only now is the change acknowledged.
//
//  9. [Tx.Expire] deletes retired files whose grace time is over, and the oldest of
//     those beyond the setting retired-max. Their folders are
//     synced before the list of retired files is replaced: a file that a power loss
//     brings back has to be in the list still.
//
// # Recovery
//
// Whoever takes the lock looks for a journal. The journal's folder is synced first:
// the process may have died between the rename and the sync, and nothing may be
// switched on the word of a journal that a power loss can still take.
//
//   - The history has its transaction: all is done; the history is synced, for the
//     same reason, and the journal is removed. (The removal of a journal is not synced; a
//     power loss can bring it back, after others have published on top.)
//   - Each index file is next (done) or base (to do): the commit goes on at step 5.
//   - One is neither: somebody else published in between. The staged index files
//     are out of date. The intent is planned again on what is there now, a new
//     journal replaces the old, and the commit goes on with that. If it no longer
//     plans, its files go to .mmpush/rejected/ID with a report, those that had been
//     placed already included: nobody was told that they were published.
//
// Records of retired files that are there already are synced, too, not written twice.
// An index file that the journal does not know is never renamed over. A file at a
// target counts only with the journal's size and SHA-256.
//
// # Several repositories, one decision
//
// [Group.Commit] changes several repositories, all or none. Each has a random id; they
// are ordered by it, and the first is the coordinator.
//
//   - [BeginAll] tries the locks, all in that order. If one is busy, all are given back
//     before it is waited for: nobody waits for a lock while holding another, so that
//     no order in which others take theirs can stop everybody. The lock that was waited
//     for is kept while the rest are tried.
//   - Each repository goes through steps 3 and 4, but its journal, which names the
//     decision and all participants (id and folder), is called journal.prepared: it
//     decides nothing. One failure, and all of these are removed again.
//   - .mmpush/decisions/ID in the coordinator, durable, is the commit point of all.
//   - In each, journal.prepared is renamed to journal, and steps 5 to 7 follow. The rename
//     is not synced: as long as the decision stands, both names mean the same.
//   - When all have got there, and not before, the journals are removed, then the
//     decision. So whichever repository is opened first after a kill, if one of them has
//     still something to do, a journal is there that names the others.
//
// A repository with nothing to change takes no part; if one is left, its commit is an
// ordinary one.
//
// Whoever takes a lock and finds a journal of either kind that names others takes the
// locks of all of them, in the way above, with that one given back first. Then: without
// a decision each journal.prepared is removed; with one, once its folder is synced, each
// is renamed, each journal is recovered as above, and all are removed when all is done.
// If somebody else has published in one of the repositories meanwhile, so that the change
// no longer plans there, and nobody has begun, then the decision is taken back, durably,
// and the files of each part go to .mmpush/rejected. A change that was begun somewhere is
// finished wherever it still plans.
//
// A participant that cannot be reached, or has become another repository, stops whoever
// needs it: the error names it, and is busy. [Options].Forget goes on without it: with
// the decision where that can be read (it then stays, for who comes back), else the
// change is given up here and its files kept; notes and the kept report tell.
//
// A decision that all have followed, and whose last process died before it could remove
// it, is removed by the next one that takes the coordinator's lock.
//
// # A full disk
//
// If there is no room ahead of the commit point, the oldest retired files are deleted
// before their grace time is over, as many as the change needs, with a warning; then
// all that was staged for the first attempt is deleted, and there is one more. What an
// index names stays, and what the new index will name: a file that was retired and is
// published again. If that does not help, the change is given up, and the repository
// is as it was. Behind the commit point a full disk is not expected, since the room was
// taken; if it happens, the same is done with a view to both pairs of indexes.
//
// # What is synced, and why that is all
//
// Each sync has a test that fails without it (core/pipeline drops them one at a
// time). A failed sync is final: before the commit point the change is given up;
// after it the error says that the next run will finish the change.
//
// commit knows no package format: the intent is opaque bytes, and whoever opens the
// repository gives [Options].Replan. It imports repo, vfs and report. It may
// change at any release.
package commit
