// Package server takes uploads from many users at once, over the tupkg protocol, and
// publishes them.
//
// In: a repository, the users and a folder of its own ([Options]); connections, by
// [Server.Serve] from listeners or by [Server.ServeConn] one by one, and by
// [Server.ServeSession] from who needs no login. Out: what is published, by way of the
// line (core/pipeline), and the verdict to the client.
//
// # Its folder
//
//	partial/USER/KEY                   the bytes of a file that has not arrived whole, or
//	                                   waits for the verdict over its set
//	area/USER/SHA256/NAME              a file that has, its declared hash checked
//	incoming/USER/NAME                 packages without a manifest, if not elsewhere
//	refused/USER/ID/                   a rejected manifest with report.json
//	sent/USER/SHA256                   one of the last manifests that was published by
//	                                   version 1
//	trash/                             what is about to be deleted
//	repository                         the id of the repository that it belongs to
//	lock                               held for moments; see below
//	run/USER                           held while manifests of the user are run that
//	                                   more than one session could run
//	sweep                              held by who deletes what has expired; its time
//	                                   is that of the last sweep
//	live/PROCESS/alive                 held by a process that uses the folder
//	live/PROCESS/claims/ID-USER        what one of its uploads is at work on
//	live/PROCESS/asked/ID              another process wants that upload to end
//	live/PROCESS/reserved              its declared bytes that have not come, by user
//
// Modes are 0700 and 0600, or 02770 and 0660 where the repository is its group's.
//
// KEY is the SHA-256 and the size in version 2; in version 1 it is made of name, size
// and MD5: other content never continues a partial. Everything is below the user's
// own folder, so nobody can resume, see or publish what somebody else has sent. Files
// leave the area when they are published, and all of it when it is older than
// [Limits] says.
//
// A repository whose settings are gone, or are no longer those of the id in
// "repository", is not served: what they asked for would silently not be asked for any
// more. One that never had settings needs [Options].Adopt, since settings that were lost
// with the whole of .mmpush look the same.
//
// # Several processes
//
// Any number of processes may use the folder: servers, and one for each session that
// comes by SSH. All locks are the kernel's (flock), so what a process has held is free
// when it dies, however it dies. What must not change between a look and a deed (claim
// a file, reserve bytes, delete a file of an area) is done under "lock". A process says
// in live/ what its uploads write and count on, and reads there what those of the
// others do; whoever meets the folder of a dead process clears it away. Nothing in
// live/ is synced: after a power loss everybody is dead.
//
// Two uploads never write one partial. The newer one of the same user takes over: in one
// process at once; from another process that lives by a file in its asked/, where every
// process with uploads looks three times a second. An upload that is being judged is
// left in peace. Who has not got the files after 30 seconds is told that they are
// busy. What a process has reserved is counted by the others with a delay of a
// third of a second, towards too much. The limits for connections, for sessions of a
// user and for publishes at once are each process's own.
//
// # What happens to an upload
//
// Rights are judged first, on what is declared: without them the answer is the same
// whatever exists; and once more as they are when the files have come. An account that
// was suspended meanwhile, or whose password or token was taken away, publishes nothing
// of them. Then a session of the same user that sends one of the same files is
// told to go and its bytes are taken over; then the declared bytes are admitted
// against the user's quota and the free space, and reserved. What has come is kept
// however the connection ends. A file is hashed while it
// comes: a wrong one is deleted, a right one goes to the area. What the manifest of a set
// of version 2 names stays where it came, and need not be durable, until the verdict: what
// is published is taken from there, and made durable by the publish; all else goes to the
// area then. A large package is looked
// into at the same time; what was seen is all that the verdict needs, as long as the file
// is the same and nobody has written to it. So many uploads have that at once as may be
// verified at once; the packages of others, and of earlier sessions, are read for the
// verdict. A very large one goes to the disk past the system's cache: a killed process
// loses the last two MiB of it.
//
// So many uploads as [Limits].Publishes says are verified at once; then they wait for the
// one committer, which publishes all that has come while the commit before ran, and waits a
// moment for those that are being verified: one generation with a change for each, one
// write of the indexes, one set of syncs (pipeline.CommitGroup). The indexes stay open for
// the questions of all uploads (pipeline.Views).
//
// A manifest is run when every file that it names for the repository's architecture
// is there by its SHA-256: in the user's area, whichever session sent it, in hand, or
// published with these very bytes. It is published with the rights judged on the plan
// too, under the repository's lock if need be. In version 1 the result of the
// manifest's own file is PASS only if the upload is published, unchanged or restored, or
// taken as a part of a set; while files are missing it is FAIL, and the manifest waits. In version 2 a set is
// one upload: missing files reject it. The packages of a rejected upload stay in the
// area, so that the next attempt need not send them again. Files that no manifest
// names stay there too, until they expire.
//
// With [Options].Set, an upload is published in several repositories or waits there as a
// part (core/sets). A part that waits counts against its sender's quota, and its files need
// not be sent again by the same user; each part is published with the rights that its
// sender has then. The server's folder belongs to one of the repositories, and all have to
// have their settings.
//
// Packages that need no manifest are brought to the user's folder below incoming, whole
// and durably, ahead of the verdict; [Incoming] has the layout and who may. They do
// not expire and count against the quota: another program takes them. Then, with
// nothing left to lose, [Options].Complete is called, for these as for what was
// published; its failure is a warning in the verdict. It may say what became of the
// packages ([Told]): then that is the verdict over them.
//
// A rejected manifest is kept with its report until it expires; the user is told the
// name of that folder. A manifest that is complete and whose process was killed is run
// when a server starts, or at the user's next upload; it then asks for nothing special.
//
// # What it promises
//
//   - Who loses the connection ahead of the results need not send again what was
//     published meanwhile, in version 1 too.
//   - What was told to be published is durably published. A cut at any byte loses
//     none of the bytes before it to the same user, and gives nobody else any.
//   - Every wait has an end and every table a bound ([Limits]); when Serve returns,
//     no goroutine and no connection is left.
//   - No log line holds a password, or a name that somebody failed to log in with and
//     that is no user's.
//
// It imports tupkg, access, the line and sets with what it is given (manifest, upload, index,
// plan, verify, repo), vfs and report. It may change at any release.
package server
