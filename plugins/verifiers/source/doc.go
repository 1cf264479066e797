// Package source is the verifier "source": whether the source tarball is what the
// packages are said to be built from.
//
// In: the source tarball of an upload, and, where the settings name one, a local git
// repository. Out: findings.
//
// The tarball is read once, as a stream, with the limits on archives: .tar.xz as
// mmpack-build writes it, or .tar.gz and .tar.zst. Nothing in it leads out of the folder
// that it is unpacked in. It holds mmpack/specs, whose name and version are those of the
// manifest; as mmpack-build does it, each of the two stands in a line of its own, at the
// top, or below "general" as in older specs.
//
//	git:                                the first pattern that matches decides
//	  - source: "team-*"
//	    repository: /srv/git/{name}.git
//	    tag: v{version}
//
//	members: 100000                     how many files a source may have
//
// With a repository, the tarball has to hold what `git archive` gives for the commit of
// the tag: the same files with the same bytes, links, and executable bits. Folders do not
// count, and neither does mmpack/src_orig_tracing, which mmpack-build writes. A source
// that no pattern matches is not compared; a tag that is not there is a finding. Who asks
// for this wants sources that are packaged straight from their repository: what
// mmpack-build fetches from elsewhere, or patches, is not in a commit.
//
// git is run without a shell, with no settings but the repository's own, and with an
// environment of ours; it reads only. The name and the version, which become parts of a
// path and of a tag, have been checked by then: they hold letters, digits and . _ + ~ -.
//
// It imports archive, config, report, upload and verify. It may change at any release.
package source
