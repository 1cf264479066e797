// Package policy is the verifier "policy": the rules that most repositories want.
//
// In: an upload that the built-in checks have found sound, the plan of a change, and
// rules from the repository's settings. Out: a finding for each rule that is broken.
//
//	sources:  {allow: ["team-*"], deny: ["*-test"]}     names of sources, by pattern
//	packages: {deny: ["linux-*"]}                       names of binary packages
//	size: {package: 200MiB, source: 1GiB, upload: 2GiB, unpacked: 4GiB}
//	version: '[0-9]+\.[0-9]+\.[0-9]+'                   a regular expression for all of it
//	fields: [description, sysdepends]                   may not be empty in any package
//	changes:                                            the first pattern that matches decides
//	  - {source: "stable-*", forbid: [downgrade, rebuild, take-over, remove, new]}
//
// A name has to match one of allow, if there is any, and none of deny. What changes
// forbids is refused whatever flag, right or other setting allows it, for pushes,
// removals and undo alike: so an old upload that is brought again, with a signature
// that is still good, is refused too.
//
// There is no rule about licences: neither a .mmpack-manifest nor a package's pkginfo
// says what licence a package has.
//
// Packages of pacman's are judged by the same rules: the source is the pkgbase, and there
// are no rebuilds. There is nothing for "source" and "upload" of size, and none of them has
// sysdepends.
//
// It imports alpm, config, index, plan, report, upload and verify of ours. It may
// change at any release.
package policy
