// Package archive turns compressed streams into plain ones and tar streams into
// members, with a limit on everything that a hostile file could make large.
//
// In: an [io.Reader] of compressed or tar bytes, and [Limits]. Out: the decoded
// bytes ([Zstd], [Gzip], [XZ]), the members one after the other ([Tar]), and a
// gzip writer whose output depends on its input only ([NewGzipWriter]).
//
// It promises:
//
//   - Memory stays within a small multiple of the window, whatever the input
//     says; what a caller keeps of the members is bounded by Members and
//     NameBytes.
//   - Work stays proportional to the decoded limit.
//   - A stream that ends without an error was complete: its checksums were
//     right and nothing but padding came after it. Concatenated zstd frames,
//     gzip members and xz streams are one stream.
//   - An archive that readers could understand differently (two extended
//     headers for one member, a sparse file, a folder with content, text after
//     the end marker) is refused, so that what was checked is what a client
//     unpacks.
//   - [ErrFormat] and [ErrLimit] mean that the archive is bad. [SourceError]
//     means that reading the underlying reader failed, which says nothing about
//     the archive.
//   - No goroutine is started.
//
// Nobody else imports the codecs: klauspost/compress, ulikunitz/xz and
// archive/tar. The subfolder archivetest writes archives for tests, hostile ones
// included.
//
// It may import report; it does not need to. It may change at any release.
package archive
