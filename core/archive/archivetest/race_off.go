//go:build !race

package archivetest

const slower = 1
