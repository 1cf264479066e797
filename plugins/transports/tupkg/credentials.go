package tupkg

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// ErrNoPassword means that nothing says what the user's password is.
var ErrNoPassword = errors.New("no password")

// NoCredentials says that the user's name or the password is missing, and how to give
// it; user is empty if the name is missing.
func NoCredentials(s Server, user string) error {
	e := &report.Error{Stage: "login", Code: report.CodeLogin, Kind: report.KindDenied, File: s.String()}
	if user == "" {
		e.Err, e.Hint = errors.New("nothing says who you are there"), "put the user into the target (tupkgs://USER@HOST), or use --user or MMPUSH_USER"
		return e
	}
	e.Err = fmt.Errorf("there is %w for %s", ErrNoPassword, user)
	e.Hint = "use --password-file, --password-command, MMPUSH_TOKEN or MMPUSH_PASSWORD, or run it in a terminal"
	return e
}

func fileError(file, hint string, err error) error {
	return &report.Error{Stage: "login", Code: report.CodeUsage, Kind: report.KindUsage, File: file, Err: err, Hint: hint}
}

// readSmall reads a file of at most 64 KiB and says whether others can read or change
// it, on systems whose modes say so. Links are followed: the user's settings may live
// elsewhere.
func readSmall(file string) (text []byte, open bool, err error) {
	const limit, others = 64 << 10, fs.FileMode(0o077)
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil, false, err
	}
	folder, err := vfs.OpenDir(filepath.Dir(real))
	if err != nil {
		return nil, false, err
	}
	defer folder.Close()
	info, err := folder.Lstat(filepath.Base(real))
	if err == nil && !info.IsRegular() {
		err = fmt.Errorf("is a %s, not a file", vfs.TypeName(info.Mode))
	}
	if err == nil {
		text, err = vfs.ReadFile(folder, filepath.Base(real), limit)
	}
	return text, runtime.GOOS != "windows" && info.Mode&others != 0, err
}
