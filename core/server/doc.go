// Package server takes uploads from many users at once, over the tupkg protocol, and
// publishes them.
//
// In: a repository, the users and a folder of its own ([Options]); connections, by
// [Server.Serve] from listeners or by [Server.ServeConn] one by one. Out: what is
// published, by way of the line (core/pipeline), and the verdict to the client.
//
// # Its folder
//
//	lock                               held while a server runs
//	partial/USER/KEY                   the bytes of a file that has not arrived whole
//	area/USER/SHA256/NAME              a file that has, its declared hash checked
//	refused/USER/ID/                   a rejected manifest with report.json
//	trash/                             what is about to be deleted
//
// KEY is the SHA-256 and the size in version 2; in version 1 it is made of name, size
// and MD5: other content never continues a partial. Everything is below the user's
// own folder, so nobody can resume, see or publish what somebody else has sent. Files
// leave the area when they are published, and all of it when it is older than
// [Limits] says.
//
// # What happens to an upload
//
// Rights are judged first, on what is declared: without them the answer is the same
// whatever exists. Then a session of the same user that sends one of the same files is
// told to go and its bytes are taken over; then the declared bytes are admitted
// against the user's quota and the free space, and reserved. What has come is kept
// however the connection ends. A whole file is hashed: a wrong one is deleted, a right
// one goes to the area.
//
// A manifest is run when every file that it names for the repository's architecture
// is there by its SHA-256: in the user's area, whichever session sent it, or
// published with these very bytes. It is published with the rights judged on the plan
// too, under the repository's lock if need be. In version 1 the result of the
// manifest's own file is PASS only if the upload is published, unchanged or restored;
// while files are missing it is FAIL, and the manifest waits. In version 2 a set is
// one upload: missing files reject it. The packages of a rejected upload stay in the
// area, so that the next attempt need not send them again. Files that no manifest
// names stay there too.
//
// # What it promises
//
//   - What was told to be published is durably published. A cut at any byte loses
//     none of the bytes before it to the same user, and gives nobody else any.
//   - Every wait has an end and every table a bound ([Limits]); when Serve returns,
//     no goroutine and no connection is left.
//   - No log line holds a password, or a name that somebody failed to log in with and
//     that is no user's.
//
// It imports tupkg, access, the line with what it is given (manifest, upload, index,
// plan, verify, repo), vfs and report. It may change at any release.
package server
