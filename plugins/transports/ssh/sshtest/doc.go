// Package sshtest is a real OpenSSH server for tests: user mode, its own keys and
// configuration, on the loopback address.
//
// In: which keys may log in and what they may do. Out: the ssh command that logs in
// there, and the connections, which a test can cut. Only tests import it.
package sshtest
