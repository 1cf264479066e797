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
