// Package manifest reads and writes .mmpack-manifest files: what one build of
// mmpack-build declares about its source tarball and its binary packages.
//
// In: the bytes of a manifest. Out: a [Manifest] with lines for messages, or
// findings that say everything that is wrong with it at once; and, the other way,
// the bytes that mmpack-build writes for a Manifest ([Format]). The rules for the
// names that an upload may bring into a repository ([ValidName], [ValidFileName],
// [ValidVersion], [ValidArch]) live here too, because manifests, packages and
// indexes share them.
//
// It promises:
//   - every scalar is the text that stands in the file: 1.10, 2024.01, yes and ~
//     are those letters, never a number, a boolean or nothing (mmpack reads its
//     manifests the same way);
//   - a Manifest comes out only if nothing refuses it, and then every name,
//     hash and size in it has the form that its field documents;
//   - no input panics, and none takes more than about a second or 64 megabytes:
//     the size, the number of fields and the nesting are limited before the YAML
//     library's parser runs.
//
// It looks at the manifest alone: whether the files are there and are what it
// says is a later check. It imports report and nothing else of ours. This package
// is public API.
package manifest
