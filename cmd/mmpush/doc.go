// Command mmpush takes what a build left behind and puts it, verified and
// atomically, into a package repository.
//
// In: a command line, the environment, a terminal or a pipe. Out: what was done, on
// standard output; progress, warnings and errors on standard error; an exit code
// (see exit.go for the table).
//
// It promises: with --output=json exactly one JSON document with a "schema" on
// standard output, whatever happens (asking for --help aside); no stack trace; a
// text from outside never reaches a terminal with its control characters.
//
// There is no logic here: a verb wires the rooms together and shows their answer.
// Each verb has a file of its name, and what only it needs is in files whose names begin
// with that (hook_, push_, receive_, serve_, sign_, user_, watch_). The others:
//
//	main.go, grammar.go, settings.go       run a command line, read it, add the configuration
//	kinds.go, uploads.go, upkeep.go        what differs between kinds of repositories; opening
//	sets.go, sets_status.go                several repositories as one, and what waits there
//	transports.go, ways.go, remote.go      the way to a target, and the flags for it
//	plugins.go, plugin_transports.go, verifiers.go   programs of others, and who judges
//	users.go, password.go, ssh_files.go    who somebody is, and how that is proved
//	find.go, runner.go                     manifests by patterns; the runner of a workflow
//	conversation.go, command.go, ahead.go  batch's pipe
//	modifyrepo.go, argparse.go             the command line of mmpack-modifyrepo
//	document.go, printer.go, findings.go, summary.go, verdict.go, progress.go   JSON and text
//	color.go, terminal.go                  what a terminal can do
//	exit.go, defect.go                     the exit codes, and what a defect tells
//	examples.go, man.go, suggest.go        examples, the manual, and what a shell completes
//
// It may import everything of ours.
package main
