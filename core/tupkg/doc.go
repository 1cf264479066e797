// Package tupkg is the wire of the tupkg protocol: its frames and messages, and both
// ends of its conversations, in version 1 (both dialects) and in version 2.
//
// In: a [Conn] and, at the server's end, a [Host] that knows the users, stores the
// bytes and judges them; at the client's end, the [File]s. Out: what a Host is asked
// to do ([Serve], [Serve2], [ServeSession]); what came of an upload ([Upload],
// [Client.Push]). There is no disk here, no net and no clock but for the few bounded
// waits of [Options].
//
// It promises:
//   - whatever the other side sends, no panic, no unbounded memory, and no wait that
//     the caller's deadlines do not end;
//   - a Host never sees a name with a folder in it, a size that is no number of bytes,
//     a name twice, or a byte beyond what was declared;
//   - before a login has passed, at most [Limits].LoginBytes and a frame's head are
//     read;
//   - no error, no answer and no formatted value holds a password;
//   - the connection is closed when the call returns, and no goroutine is left.
//
// A DATA frame is read in pieces, large ones as long as the server's [Buffers] have some,
// else small ones: a thousand clients take no more memory than a hundred.
//
// A [Conn] that is a [Carrier] brings the parts of files that lie on the disk by itself.
//
// It imports report and nothing else of ours. It may change at any release; the
// protocol below may not.
//
// # Version 1
//
// A message is a length of two bytes, big-endian, and that many bytes of key=value
// pairs joined by '&'. File data is neither framed nor escaped.
//
//	C  username=bfinch@example.net&password=B0b
//	S  result=PASS                              or result=FAIL, and the end
//	C  numpkgs=2&name1=…&size1=…&md5sum1=…&name2=…&size2=…&md5sum2=…
//	S  numpkgs=2&name1=…&size1=…&name2=…&size2=…   bytes held already; or result=FAIL
//	C  the rest of file 1, the rest of file 2
//	S  np=2&m1=PASS&m2=FAIL
//	C  ack                                      and both close
//
// The historical programs differ: they number from 0, escape as HTML forms do ('+' is
// a space), and give results as numpkgs=2&md5sum0=PASS&md5sum1=FAIL. A server tells
// the dialect by the presence of name0. A declaration of no files shows none; then a
// user name with an escaped '@' speaks for the historical code. At the login nothing
// is certain yet, so a password with '+' or '%' is judged in each of its readings, as
// one attempt. A missing '&' between an md5sum and the next name, as the protocol's
// document prints it, is read in the document's dialect.
//
// The server repeats names as it got them, and sends no key that begins with "size"
// but the sizes. A client that sent a key that neither dialect has is sent "reason"
// where there is one.
//
// Sizes and counts are decimal digits with no sign and no zero in front. A message with
// a key twice, with keys of files beyond numpkgs or in both numberings, or with a name
// that [CheckName] refuses is answered with result=FAIL and the end of the connection.
// An MD5 may have fewer than 32 digits, as in the protocol's document; it matches
// nothing.
//
// # Version 2
//
// The same conversation with one kind of frame for everything, so that either side can
// speak at any time.
//
// Both sides agree on version 2 in one of three ways:
//   - TLS: the ALPN name "tupkg/2". The client's first frame is a LOGIN, and the server
//     answers WELCOME or ERROR.
//   - In-band, meant for loopback, since the password goes first: the login of version 1
//     has the pair tupkg=2. A server of version 2 answers result=PASS&tupkg=2, in a
//     frame of version 1, then WELCOME; every other PASS means version 1. There is no
//     LOGIN.
//   - Over a channel that has identified the client, such as SSH: the server's first
//     frame is WELCOME. There is no LOGIN.
//
// A frame is one byte of type, four bytes of length, big-endian, at most 1,048,576, and
// that many bytes of body. The type is an ASCII letter. With its highest bit (0x80) set,
// the message goes on in the next frame, which has the same letter; only frames of one
// message follow one another so, a frame that is continued is not empty, and DATA is
// never continued. Before the login has passed, a message has at most 4,000 bytes;
// after it, as many as WELCOME says.
//
// All bodies but DATA's are one JSON object in UTF-8. Fields that the reader does not
// know are ignored; fields that are false, 0 or empty may be left out; a sender has no
// field twice. A change that a reader must understand gets another version. Numbers
// are integers. An id names an upload on its connection: 1 to 4294967295, each
// greater than the one before. Files are numbered from 0 in the order of UPLOAD.
//
//	L LOGIN     C→S  {"user", "password", "agent"}
//	W WELCOME   S→C  {"version": 2, "agent", "limits": {"files", "file_bytes",
//	                 "upload_bytes", "message_bytes"}, "architectures": […]}
//	U UPLOAD    C→S  {"id", "files": [{"name", "size", "sha256"}, …], "manifest",
//	                 "manifest_file", "dry_run", "rebuild", "downgrade", "take_over"}
//	O OFFER     S→C  {"id", "held": [bytes, …]}
//	D DATA      C→S  id (4 bytes), file (4 bytes), both big-endian, then 1 byte or more
//	C CANCEL    C→S  {"id"}
//	P PROGRESS  S→C  {"id", "stage", "file", "done", "total"}
//	V VERDICT   S→C  {"id", "files": [{"pass", "reason"}, …], "report": {…}}
//	E ERROR     S→C  {"id", "code", "reason", "hint", "findings": […]}
//
// "architectures" are those of the repositories that the server publishes in; a client
// need not send what is for others. Empty is unknown.
//
// One upload: the client sends UPLOAD. "sha256" has 64 lower-case hexadecimal digits;
// "manifest" is, in base64, the content of file number "manifest_file", whose SHA-256 it
// must have. The server answers OFFER, with a number for each file between 0 and its
// size, or ERROR. The client then sends the missing bytes of each file, in the order of
// the files, in DATA of any length that a frame holds; nothing for a file that is held
// whole. A server of ours never holds a manifest, so that a client can put it last and
// keep it back until it has verified what it sends. After the last byte, or at once in a
// dry run, the server judges and sends VERDICT; its report is the JSON form of
// [report.Report]. After VERDICT, or after an ERROR with the upload's id, the client may
// send the next UPLOAD, but not before.
//
// The server may send PROGRESS and ERROR at any time, so a client reads while it sends.
// An ERROR with an upload's id ends that upload: the client stops sending it, and the
// server throws DATA and CANCEL away that were on their way. An ERROR with id 0 ends the
// connection: the server sends nothing more, closes its half, reads for at most 2
// seconds or 16 MiB, so that the ERROR arrives, and closes.
//
// CANCEL may come at any time after its UPLOAD. The server ends the upload with ERROR,
// code "cancelled", and keeps what it has; if it is too late, VERDICT comes instead. A
// CANCEL of an upload that is over is thrown away.
//
// What a server has got of an upload that ended without VERDICT, by whatever cause, it
// offers to the same user when a file of that SHA-256 and size is declared again. An
// upload that has arrived whole is judged even if the connection is gone. The client
// ends the connection by closing it, or its half of it, between two uploads.
//
// The codes of ERROR are "denied" (login or rights), "refused" (verification or
// policy), "limit" (too many or too large), "busy" (quota, lock, disk: try later),
// "replaced" (a newer session sends the same), "cancelled", "protocol", "shutdown" and
// "internal". One that a client does not know it treats as "refused". "findings" are of
// the form of [report.Finding]. Whatever breaks these rules is answered with ERROR, id
// 0, code "protocol"; a declaration that breaks one of the rules for files with the
// upload's id, since the frames are whole.
package tupkg
