// Package transport is how an upload gets to a repository: what every way in has to
// do, and how a target is written.
//
// In: an upload.Upload whose files nobody has read yet, and [Options]. Out: the
// report.Report of the repository that took, or refused, it. A [Target] is a path
// or a URL as the user writes it.
//
// A [Transport] promises: after a report with the result published, unchanged or
// restored the repository serves the upload, durably; after any other report, or
// an error, it does not, or will not without saying so; the uploader's files are
// as they were. The conformance suite (package transporttest) holds every
// transport to it.
//
// It imports upload and report. This package is public API.
package transport
