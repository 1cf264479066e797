// Package access says who somebody is and what they may do: the users file, the
// check of passwords and tokens, and the rights.
//
// In: the bytes of a users file; one attempt to log in; the needs of an upload.
// Out: a [File] and its bytes; an [Identity], or a refusal; findings. It opens no
// file and no connection: whoever calls it reads and writes the users file.
//
// # The users file
//
// Text in UTF-8, one user a line. Empty lines and lines that begin with '#' are
// comments. A line is the name, ':' and the hash of the password, as htpasswd
// writes it, and then words with spaces between:
//
//		bfinch@example.net:$2y$05$nLsSL4pa… rights=lib* rights=tool:amd64-debian:publish,rebuild
//		builder:- rights=* token=k3v7q2ab,9f86d081…,2027-01-31T00:00:00Z,nightly protocol=2 suspended
//
//	  - The name: a letter, digit or '_', then letters, digits and . _ @ + ~ -, at
//	    most 128 bytes. No two names differ only in upper and lower case, so a name
//	    can name a folder. None holds a space or '%', so that a name on the wire has
//	    one reading only.
//	  - The hash: argon2id in PHC form (made here with m=19456,t=2,p=1; read from 7
//	    to 64 MiB of memory), or bcrypt as `htpasswd -B` writes it (up to cost 14;
//	    it looks at the first 72 bytes of a password), or '-' for nobody's password.
//	    Every other kind is refused.
//	  - rights=SOURCE-PATTERN[:ARCH[:ACTION,...]], any number; see [ParseRight].
//	    Without one, a user may log in and do nothing.
//	  - token=ID,SHA256,EXPIRY,LABEL, any number. EXPIRY is a time in RFC 3339, or
//	    never; LABEL may be empty.
//	  - protocol=2: refused at logins over version 1 of the protocol.
//	  - suspended: refused everywhere.
//
// Limits: [MaxFile], [MaxUsers], [MaxLine], [MaxRights], [MaxTokens].
//
// # What it promises
//
//   - Whoever changes a file by way of this package changes one line of it; every
//     other byte stays, comments and order included. What it writes it can read.
//   - A wrong password, an unknown or suspended user, an expired token, an account
//     for another version of the protocol: one answer, at the same cost.
//   - At most two password hashes are computed at once. Failed attempts are limited
//     before anything is computed ([Options] has the numbers), in constant memory;
//     a success costs nothing of the limit.
//   - Without rights over what was asked for, the findings are the same whatever the
//     repository holds ([Check]).
//   - No password, token or hash is in an error, a String, a log value or the JSON
//     of any type here; [Secret.Reveal] and [File.Bytes] are the two ways out.
//
// It imports report and nothing else of ours, and golang.org/x/crypto. Its API may
// change at any release.
package access
