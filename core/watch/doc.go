// Package watch is the drop folder: whoever copies an upload into a folder has it
// published.
//
// In: a folder behind a vfs.FS, a repository, and how publishes are asked for. Out:
// for each upload in the folder a publish, after which its files are deleted, or a
// refusal, after which they are in rejected/; and always a [Verdict].
//
// # When an upload is taken up
//
// A [Scanner] looks at the whole folder; every decision is made by what it sees
// there, and the system's events (fsnotify) only bring the next look forward. It
// looks at the start, after each event and at least every 10 s ([Interval]).
//
// An upload is a manifest and the files that it names for this repository's
// architecture. Names that begin with a dot are not looked at, and a file that no
// manifest names is never touched, but for what our own uploaders have left behind in
// the middle ([PartFile], [ClaimFile]) when it is 7 days old. Files arrive in any order and slowly, so:
//
//   - A manifest that cannot be read or parsed (it may be half written), and one
//     whose files are absent, shorter or longer than declared, may not be read, or
//     are no ordinary files, is waiting. If nothing of it has changed (presence,
//     kind, inode, size, modification time) for the settle time, it is refused.
//   - A whole one is taken up when nothing of it has changed for 2 s, since no
//     event tells that a writer has closed its file, and half a manifest may be a
//     valid one: one that ends with an entry. (If its last line is not ended, that
//     takes the settle time.) Who pauses for longer in the middle of a manifest
//     should write it under another name and rename it.
//   - A file whose change time is later than its modification time was renamed, or
//     got its final time or mode, after it was written. If that holds for all files
//     of the upload, it is taken up at once.
//   - A refusal holds only if the upload has not changed meanwhile and has been the
//     same for 2 s; else it is verified again. So a file with the right size whose
//     bytes are still being written in place is waited for. (A writer that makes
//     the file in its full size first and then pauses for more than 2 s should use
//     another name meanwhile.)
//   - Uploads are taken up in the order of their manifests' modification times.
//
// # Packages of pacman's
//
// They have no manifest. In the drop folder of a pacman repository a [List] is in its
// place: a file NAME.mmpush-packages that names packages, and their signatures, with size
// and SHA-256. Everything that is said here of manifests and their files holds for lists
// and theirs; all that one list names is published in one step, or nothing of it. The
// list is JSON: one that is cut short cannot be read, and waits. push to sftp:// writes
// one and brings it last.
//
// A package that no list names is not touched, and neither is a signature: nothing else
// tells whether a package is whole, and which ones go together. The log names one that has
// lain there for the settle time. Who copies by hand writes a list, or pushes to the
// repository itself. [Packages] is the line into the repository.
//
// # How an upload leaves
//
// After the commit, and only then, the files that the manifest names for this
// repository are deleted, the manifest last, each only if its inode, size and
// modification time are what they were before any of them was read. A refused
// upload is moved to rejected/TIME-NAME/, all files that its manifest names, the
// manifest last, with report.json and report.txt. Either is written down in
// .mmpush-watch before the first file is touched, and finished by the next scan if
// the watcher is killed in between.
//
// Ahead of each publish an intent is written there: the manifest's SHA-256, what it
// brings, and the repository's generation. One that a killed watcher has left is
// settled first, by the repository's history: if a later generation has all of it that was new,
// the upload was published, and is not published again, whatever newer version came
// meanwhile. (If the disk is too full for an intent, the upload is published without
// one, since that makes room. If the watcher is killed behind the commit point, but
// ahead of the record in the history, the next one publishes again, finds it
// unchanged, and says so.)
//
// A manifest that was published from here in the last 7 days, with the same text, and
// comes once more without its files, is unchanged after the settle time, and leaves.
//
// A file stays, and the verdict says so, if it has changed meanwhile, if another
// manifest in the folder names it too (it leaves with the last of them), or if it
// is for another architecture: one drop folder belongs to one repository and has
// one watcher. For that the folder is listed anew ahead of each departure. As long
// as some manifest there cannot be read or parsed, published files stay as well; they
// are deleted when every manifest can be read, or was refused, and none names them.
//
// # Promises
//
//   - No upload is lost: at any moment, each of its files is in the drop folder, in
//     the repository, or in rejected/.
//   - Nothing outside the drop folder and the repository is touched, whatever lies
//     in the drop folder: links are not followed, and only ordinary files are read,
//     moved or deleted.
//   - One upload never stops the others, not even by a defect of ours. If there are
//     more manifests than are followed, those that are not whole, or have a trouble,
//     get three quarters of the places; in the others everybody has a turn.
//   - An upload is not refused for troubles of ours (a full disk, a busy or damaged
//     repository): it stays, and is tried again after 5 s, 10 s and so on up to
//     5 minutes.
//   - Memory is bounded by 1,000 uploads and about 100,000 files that are followed
//     at once, besides the list of the folder's entries; more have to wait.
//
// # The folder
//
// rejected, verdicts and .mmpush-watch are made at the start. A watcher does not
// start if group or others may write to one of them, or if it is on another file
// system than the drop folder, since nothing could be moved there; and its caller
// sees that they belong to the user that runs it ([Folders]) and that the drop folder
// is neither in the repository nor around it. Users that shall not touch each other's
// files need a drop folder with the sticky bit.
//
// The repository is opened by its name for each attempt. A manifest whose name is not
// UTF-8 is not taken up; the log says so once.
//
// # Verdicts
//
// verdicts/MANIFEST.json ([VerdictFile]) is a [Verdict], replaced in one piece. Its
// result is [Waiting] as long as anything else may follow; every other result is
// final. A final one is also in verdicts/SHA256.json ([FinalVerdictFile]), by the
// SHA-256 of the manifest's text, where another manifest of the same name does not
// replace it. Whoever waits for a verdict takes the one with the SHA-256 of the
// manifest that he brought, if it has another id than the one that was there before.
// Verdicts stay for 7 days.
//
// verdicts/.about.json ([AboutFile]) is an [About]: for which architecture the folder
// is, so that who brings something need not bring more. It is written at each start.
//
// It imports alpm, for the names of packages, pipeline, upload, manifest, report, repo and
// vfs, and is the only room that imports fsnotify. It may change at any release.
package watch
