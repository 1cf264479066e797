// Package programtest finds the real programs that tests talk to: sshd, git, gpg.
//
// In: a program's name, and the environment variable MMPUSH_REQUIRE, a list of
// names by commas. Out: the program's path. A program that is not installed skips
// the test, unless MMPUSH_REQUIRE names it: there it fails the test, so that no
// run that promises the program passes without it. Only tests import it.
package programtest
