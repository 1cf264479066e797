// Package transporttest is the conformance suite that every transport passes: what
// a pusher may rely on, whatever lies between them and the repository.
//
// In: a function that lays a [Ground], an empty repository and a way to it. Out: a
// test for each promise. Only tests import it.
package transporttest
