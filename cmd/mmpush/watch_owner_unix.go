//go:build unix

package main

import (
	"os"
	"syscall"
)

// ours reports whether a folder belongs to the user that runs this program.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid())
}

// trusted reports whether a file is this user's or root's, and nobody else can write
// to it.
func trusted(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (ours(info) || st.Uid == 0) && info.Mode().IsRegular() && info.Mode().Perm()&0o022 == 0
}
