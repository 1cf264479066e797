package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// unnamed stands for the id of a repository whose settings have none.
const unnamed = "unnamed"

// recognise holds the repository to what the server's folder says of it. Settings that
// vanished would take what they ask for with them, and nobody would notice: so they have
// to be there, and to be the same repository's as ever.
func (s *Server) recognise(r *repo.Repo) error {
	text, err := vfs.ReadFile(s.State, s.path("repository"), recordLimit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskError(s.Dir, err)
	}
	known := strings.TrimSpace(string(text))
	if !r.Adopted() && known == "" && s.Adopt {
		if err := s.adopt(r); err != nil {
			return err
		}
	}
	s.repository = cmp.Or(r.Settings.ID, unnamed)
	switch {
	case !r.Adopted():
		return s.vanished(r, known)
	case known != "" && known != s.repository:
		return s.exchanged(r, known)
	}
	return nil
}

// noteRepository writes down which repository the folder belongs to, if that is not there yet.
func (s *Server) noteRepository() error {
	name := s.path("repository")
	if _, err := s.State.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return vfs.ReplaceFile(s.State, name, name+"."+s.self, s.fileMode, []byte(s.repository+"\n"))
}

// adopt writes default settings.
func (s *Server) adopt(r *repo.Repo) error {
	if err := r.Prepare(); err != nil {
		return err
	}
	lock, err := r.Lock(context.Background(), repo.Patience{Wait: s.Limits.LockWait, Program: s.Program})
	if err != nil {
		return err
	}
	err = r.Adopt()
	if err == nil {
		err = r.FS.SyncDir(repo.MetaDir)
	}
	return errors.Join(err, lock.Unlock())
}

// open opens the repository for one publish: it is still the one that the server was
// started for.
func (s *Server) open() (*repo.Repo, error) {
	now := s.Now()
	if r := s.opened.again(now); r != nil {
		return r, nil
	}
	r, err := s.Open()
	switch {
	case err != nil:
		return nil, err
	case !r.Adopted():
		return nil, s.vanished(r, s.repository)
	case cmp.Or(r.Settings.ID, unnamed) != s.repository:
		return nil, s.exchanged(r, s.repository)
	}
	s.opened.note(r, now)
	return r, nil
}

func settingsError(r *repo.Repo, hint, format string, args ...any) error {
	return &report.Error{
		Stage: "serve", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(r.Path, repo.SettingsFile),
		Err: fmt.Errorf(format, args...), Hint: hint,
	}
}

func (s *Server) vanished(r *repo.Repo, known string) error {
	if known != "" {
		return settingsError(r, "restore the file from a backup; what it asked for would no longer be asked for",
			"has vanished: the repository %s was served from here before", known)
	}
	return settingsError(r, "if mmpush has published here before, the settings are lost: restore them from a backup; "+
		"if only other tools have written the repository, --adopt writes default settings",
		"is not there, so nothing says what this repository asks of uploads")
}

func (s *Server) exchanged(r *repo.Repo, known string) error {
	return settingsError(r, "restore the repository's own settings, or give the server another folder; if the settings were made anew on purpose, "+
		"delete the file `repository` in the server's folder",
		"are those of the repository %s; the server's folder belongs to %s", s.repository, known)
}

func diskError(file string, err error) error {
	return &report.Error{Stage: "serve", Code: report.CodeDisk, File: file, Err: err}
}
