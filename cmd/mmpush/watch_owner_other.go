//go:build !unix

package main

import "os"

// ours cannot be told here: the system has no simple owner.
func ours(os.FileInfo) bool { return true }

// trusted: as for ours.
func trusted(os.FileInfo) bool { return true }
