// Package procgroup ends other programs with all that they have started.
//
// In: a command that is about to be run. Out: the same one, in a process group of its own
// where the system has such groups (everywhere but on Windows).
//
// It promises: when the command's context ends, the whole group is killed; [End]
// kills what a program has left running behind it. What leaves the group by itself, it
// does not find.
//
// It imports nothing of ours. It may change at any release.
package procgroup
