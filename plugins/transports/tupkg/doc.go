// Package tupkg is the transport to a server that speaks the tupkg protocol: over
// TCP, over TLS, or over any other two-way stream.
//
// In: an upload, the way to the server, credentials. Out: the report of the server's
// repository.
//
// [Resume] has the conversation of version 2, and goes on by itself on a new connection
// when one is lost. It is for every transport that has the conversation on a stream of
// its own.
//
// What happens, in this order: the login; then the upload's own files are verified as
// a repository on this machine would do it, and if they are refused, nothing is sent;
// then the declaration, on which the server judges rights, room and, in a dry run, what
// would happen; then the bytes that the server misses; then its verdict. Large files
// whose sizes are right are left to the server, which verifies them as they come. Here
// they are verified, too: beside the sending, if that takes more than some seconds
// ([Options].VerifyAfter), and the upload is cancelled if they are refused; ahead of the
// manifest, without which the server publishes nothing, if the server does not want the
// first bytes of one of them; and if the server rejects the upload, to say what is wrong
// with the files that are here.
//
// It promises, besides what every transport does:
//   - no password goes to a server that has not proved who it is, nor over a connection
//     that others can read, unless the user asks for it; none is in any text;
//   - what a lost connection has carried is not sent again, but for at most one chunk;
//   - every wait has an end;
//   - an answer that it does not understand is an error and no success.
//
// It imports core.
package tupkg
