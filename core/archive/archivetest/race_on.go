//go:build race

package archivetest

// slower is how much longer everything may take: the race detector watches each
// access.
const slower = 10
