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
// Each verb has a file of its name. The others: main.go runs a command line,
// grammar.go reads it, settings.go adds what the configuration says, examples.go has the examples, suggest.go says what a shell may
// complete, man.go writes the manual, exit.go has the exit codes, document.go is the JSON,
// printer.go, findings.go and summary.go are the text, color.go and terminal.go
// what a terminal can do, progress.go what it shows meanwhile; conversation.go,
// command.go and ahead.go are batch's pipe; modifyrepo.go and argparse.go are the command line of
// mmpack-modifyrepo; verdict.go says why there is no success; hook_push.go is the
// line of a git hook and hook_verdict.go its words; runner.go speaks with the runner of a
// workflow; ssh_files.go puts a key from the environment where ssh finds it; ways.go leads push through ssh, and
// receive_key.go makes the line of authorized_keys.
//
// It may import everything of ours.
package main
