// Package exec is the verifier "exec": a program of the operator's looks at the upload,
// a virus scanner, a linter or a script.
//
// In: an upload that the built-in checks have found sound, and from the repository's
// settings which program to run:
//
//	run: [/usr/bin/clamscan, --infected, --no-summary, "{folder}"]
//
// The first word is an absolute path; in the others {folder} stands for the folder with
// the files and {manifest} for the path of the manifest in it. No shell is involved.
//
// The program gets a copy of the upload's files that is its own: what was verified, each
// under its name, with the manifest and its signatures, not to be written to. That is its
// working folder, too. Standard input is one JSON object: schema, manifest, name, version
// and files, each with name, size, sha256 and, for packages, architecture and package.
// The environment is PATH, LANG, and HOME and TMPDIR, a folder that goes afterwards.
//
// Out: exit status 0 is a pass, 1 says no. Anything else, a signal, more than 1 MiB of
// output, a process left behind that holds it open, or the end of the time (`timeout:` of the settings,
// default 5m) means that the check broke, and nothing is published. With status 1 each
// line of standard output is a finding that refuses; a line that begins with a file's
// name and a colon is about that file. A line may be a JSON object with code, severity
// (error, warning, note), file, line, field, expected, actual, message and hint; those
// that warn or note count with status 0, too. Other lines do not, with status 0. Standard
// error is shown if the check breaks.
//
// It promises: no shell; nothing of our environment reaches the program; every process
// of its group is ended when it ends; what is left of a run that was killed is swept by
// the next one.
//
// It imports config, procgroup, report, scratch, upload and verify of ours. It may change at any release.
package exec
