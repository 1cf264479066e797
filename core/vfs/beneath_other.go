//go:build !linux

package vfs

import (
	"io/fs"
	"os"
)

// beneath does nothing: the [os.Root] does all of it.
type beneath struct{}

func (*beneath) open(*os.Root) error { return nil }
func (*beneath) close() error        { return nil }

func (*beneath) openFile(string, int, fs.FileMode) (f *os.File, done bool, err error) {
	return nil, false, nil
}

func (*beneath) lstat(string) (i Info, done bool, err error)           { return Info{}, false, nil }
func (*beneath) readDir(string) (entries []Info, done bool, err error) { return nil, false, nil }
func (*beneath) remove(string) (done bool)                             { return false }
func (*beneath) rename(string, string) (done bool)                     { return false }
func (*beneath) link(string, string) (done bool)                       { return false }
