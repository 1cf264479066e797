// Package verify says whether an upload may be published.
//
// In: an upload that has been read ([upload.Stage], [upload.Inspect]). Out:
// everything that is wrong with it, as findings in the order of its manifest
// ([Run]); and the answers of further verifiers about what a plan would change
// ([RunPlan]).
//
// The built-in checks can never be switched off. They promise that an upload
// without a refusing finding has:
//   - at least one package for the architecture, and names everywhere that lead
//     nowhere else, in the repository and in its index;
//   - for each file the size and the SHA-256 that the manifest declares, taken from
//     the bytes that were staged;
//   - in each package one metadata and one pkginfo, which agree with each other and
//     with the manifest about name, version, source and source tarball;
//   - no text that could become a second line, field or stanza of an index, or
//     that crashes a client.
//
// A finding is an answer; an error means that a check broke, and who publishes
// fails closed. Nothing here reads a file again: what is judged is what was read.
// Further verifiers are only asked about an upload that these checks find sound.
//
// It imports manifest, mpk, index, plan, upload and report. This package is public
// API.
package verify
