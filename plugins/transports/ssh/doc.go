// Package ssh is the transport to a repository on another machine, by the user's own
// OpenSSH: it runs ssh, which runs `mmpush receive` there, and has the conversation of
// the tupkg protocol, version 2, on its standard input and output.
//
// In: a [Target], a [Command] and an upload. Out: the report of the other side. What
// authenticates is ssh with its configuration, agent, jump hosts and keys; it may ask
// on the terminal, as it does for git.
//
// It promises:
//   - no shell here: ssh gets a list of arguments, in which host, user and path are
//     never taken for options. The shell of the other side gets the program and the
//     path quoted, so that they arrive as they are;
//   - what ssh says is passed on as it is, and sorted: no way in (exit 5) or no way
//     there (exit 6, resumed);
//   - when [Conn.Close] has returned, ssh has ended.
//
// On Linux the bytes of a file go from the system's cache to ssh without a copy of ours, and
// a [Pipe] pauses rather than have the other side wake us for each of its small pieces.
//
// [Dialer] runs ssh for other transports too. It imports core and the tupkg transport.
package ssh
