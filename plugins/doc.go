// Package plugins lets anybody add a verifier or a transport to mmpush, in a program
// of its own and in any language: authors in Go serve what they wrote
// ([ServeVerifier], [ServeTransport]), and mmpush runs it ([NewVerifier],
// [NewTransport], [Launch]). README.md is the way in for authors; the wire is
// pluginpb/plugin.proto.
//
// In: a [Pin], which is a program's path with the SHA-256 of the only content that may
// run. Out: a verify.Verifier with its PlanVerifier, or a transport.Transport, which
// the pipeline cannot tell from those that are built in.
//
// # What the host promises
//
//   - Nothing runs that is not pinned. The program is copied to a private folder and
//     hashed as it is written; the copy is what runs, so that nobody can swap it
//     between the check and the start.
//   - The plugin speaks gRPC on a unix socket in that folder, under mutual TLS with
//     keys of this one run. Its environment is PATH, HOME, TMPDIR, LANG and what the
//     handshake needs: no variable of ours.
//   - It sees copies of an upload's files, never the ones that are published. A
//     verifier's home is a scratch folder, and where the kernel can (Linux 5.13, with
//     Landlock) it can write nowhere else. A process may have [Options].Memory of its
//     own (Linux).
//   - Every call has a deadline. A plugin that crashes, hangs, says more than it may or
//     contradicts itself is killed, with all processes that it has started, and the
//     call is an error that names it: whoever asked publishes nothing. The next call
//     starts it anew.
//   - Close leaves no process, no folder and no goroutine. If we are killed, the plugin
//     dies with us.
//
// What a plugin says is believed only if it is whole: a verdict with its number of
// findings, each with a code that is not one of ours and with a message.
//
// It imports the domain rooms of core, scratch and vfs, and is the only room with go-plugin and
// gRPC. This package is public API.
package plugins
