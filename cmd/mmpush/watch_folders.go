package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmpush/mmpush/core/report"
)

// apart wants a drop folder that is neither the repository, nor in it, nor around
// it: what is deleted or moved in one must never be the other's.
func apart(drop, repository string) error {
	d, err := parents(drop)
	if err != nil {
		return dropError(drop, err, "the user that runs mmpush needs the right to look at the folders around it")
	}
	r, err := parents(repository)
	if err != nil {
		return dropError(repository, err, "the user that runs mmpush needs the right to look at the folders around it")
	}
	const hint = "a drop folder is a folder of its own, outside of what the web server shows"
	switch {
	case os.SameFile(d[0], r[0]):
		return dropError(drop, errors.New("is the repository itself"), hint)
	case holds(d, r[0]):
		return dropError(drop, errors.New("is a folder in the repository"), hint)
	case holds(r, d[0]):
		return dropError(drop, errors.New("has the repository in it"), hint)
	}
	return nil
}

func holds(list []os.FileInfo, folder os.FileInfo) bool {
	for _, i := range list {
		if os.SameFile(i, folder) {
			return true
		}
	}
	return false
}

// parents are a folder and all that it is in, whatever links lead to it.
func parents(folder string) (list []os.FileInfo, err error) {
	at, err := filepath.EvalSymlinks(folder)
	if err == nil {
		at, err = filepath.Abs(at)
	}
	if err == nil {
		// The working directory may be called by a link.
		at, err = filepath.EvalSymlinks(at)
	}
	for err == nil {
		var info os.FileInfo
		if info, err = os.Stat(at); err != nil {
			break
		}
		list = append(list, info)
		up := filepath.Dir(at)
		if up == at {
			break
		}
		at = up
	}
	return list, err
}

// ownFolders wants the watcher's folders to belong to the user that runs it: who
// owns them could plant a journal there that has other people's files deleted.
func ownFolders(drop string, names ...string) error {
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(drop, name))
		if err != nil {
			return dropError(drop, err, "the user that runs mmpush needs the right to read and write it")
		}
		if !ours(info) {
			return dropError(drop, fmt.Errorf("cannot be used as a drop folder: %s in it belongs to another user", name),
				"look at what is in it, and delete it; the watcher makes its own")
		}
	}
	return nil
}

func dropError(folder string, err error, hint string) error {
	return &report.Error{Stage: "watch", Code: report.CodeUsage, Kind: report.KindUsage, File: folder, Err: err, Hint: hint}
}
