//go:build !unix

package scratch

import "io/fs"

// ours: where temporary folders are the user's own, all that is in them is.
func ours(fs.FileInfo) bool { return true }
