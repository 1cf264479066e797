//go:build !unix

package plugins

import "io/fs"

// ours: where temporary folders are the user's own, all that is in them is.
func ours(fs.FileInfo) bool { return true }

// holdForks: descriptors are not inherited here.
func holdForks() (release func()) { return func() {} }
