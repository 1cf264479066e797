package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// Incoming is where packages go that no manifest is for, such as pacman's: each user has
// a folder there. Another program takes them out of it.
//
//	USER/NAME      a whole file, its declared hash checked, durable
//	USER/.SHA.ID   one that is being written; nobody's business
//
// Names are unique for each user: the same bytes again are no news, and other bytes of a
// name that still lies there are refused, unless the upload asks for a rebuild.
type Incoming struct {
	// FS and Dir are the folder, which has to be there.
	FS  vfs.FS
	Dir string
	// Takes reports whether a file of that name is such a package, or belongs to one.
	// The user needs the right to publish the source on arch; an empty source asks for
	// no more than some right.
	Takes func(name string) (source, arch string, ok bool)
	// Check, if not nil, says what is wrong with a package. In version 1 of the
	// protocol, where the MD5 decides, that is only logged: whoever takes the package
	// checks it again. A name that the package does not have is a report.CodeMismatch,
	// with the right name as what was expected; if the user lacks the right over that,
	// it is refused in version 1 too.
	Check func(ctx context.Context, fsys vfs.FS, at, name string) ([]report.Finding, error)
}

// takes reports whether a file goes to the incoming folder.
func (s *Server) takes(name string) bool {
	if s.Incoming == nil {
		return false
	}
	_, _, ok := s.Incoming.Takes(name)
	return ok
}

// incomingNeeds are the rights that the declared packages take.
func (in *intake) incomingNeeds() []access.Need {
	if in.s.Incoming == nil {
		return nil
	}
	var needs []access.Need
	for _, f := range in.files {
		if source, arch, ok := in.s.Incoming.Takes(f.Name); ok && source != "" {
			needs = append(needs, access.Need{Action: access.Publish, Source: source, Arch: arch})
		}
	}
	return needs
}

// at is where a user's package lies.
func (i *Incoming) at(user, name string) string { return path.Join(i.Dir, user, name) }

// hasIncoming finds a declared file that lies in the incoming folder already: its SHA-256, or
// nothing.
func (s *Server) hasIncoming(ctx context.Context, user string, f tupkg.Declared) (sha string, err error) {
	i := s.Incoming
	at := i.at(user, f.Name)
	info, err := i.FS.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.IsRegular() || info.Size != f.Size) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	got := newSums()
	err = s.hashHeld(ctx, i.FS, at, f.Size, got)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !got.matches(f) {
		return "", nil
	}
	return got.sha(), err
}

// deliver brings the packages of the upload to the incoming folder. What is refused is
// noted with its file, and stays in the area. The caller holds the account's run.
func (in *intake) deliver(ctx context.Context, tell func(tupkg.Progress)) error {
	for i := range in.files {
		f := &in.files[i]
		if f.sha == "" || f.wrong != nil || !in.s.takes(f.Name) {
			continue
		}
		tell(tupkg.Progress{Stage: "incoming", File: f.Name, Done: int64(i), Total: int64(len(in.files))})
		if err := in.deliverOne(ctx, f); err != nil {
			// Those before it are there all the same.
			return errors.Join(noRoom(err), in.syncIncoming())
		}
		if f.wrong != nil && in.faulty == nil {
			in.faulty = f
		}
	}
	return in.syncIncoming()
}

// syncIncoming makes the names of what was delivered durable: also of what lay there
// already, since a process may have been killed between its rename and this. If that
// fails, nothing counts as delivered.
func (in *intake) syncIncoming() error {
	if len(in.delivered) == 0 {
		return nil
	}
	i := in.s.Incoming
	err := i.FS.SyncDir(i.at(in.acc.name, ""))
	if errors.Is(err, fs.ErrNotExist) {
		// All of it was taken in the meantime, with the folder.
		err = nil
	}
	if err = errors.Join(err, i.FS.SyncDir(path.Clean(i.Dir))); err != nil {
		in.delivered = nil
	}
	return err
}

// tidyDelivered deletes the area's copies of what is in the incoming folder. What cannot
// be deleted expires.
func (in *intake) tidyDelivered(ctx context.Context) {
	if len(in.delivered) == 0 {
		return
	}
	var gone []string
	for _, f := range in.delivered {
		gone = append(gone, f.sha)
	}
	if err := in.s.discard(ctx, in.acc, gone, in.counts); err != nil {
		in.v.log.Warn("not deleted", "what", "delivered packages", "error", err)
	}
}

func (in *intake) deliverOne(ctx context.Context, f *file) error {
	from, err := in.s.inArea(in.acc.name, f.sha)
	if err != nil {
		return err
	}
	if from == "" {
		// It lay in the incoming folder when it was declared.
		in.delivered = append(in.delivered, f)
		return nil
	}
	if err := in.check(ctx, f, from); err != nil || f.wrong != nil {
		return err
	}
	there, err := in.s.hasIncoming(ctx, in.acc.name, tupkg.Declared{Name: f.Name, Size: f.Size, SHA256: f.sha})
	if err != nil {
		return err
	}
	if there == "" {
		if err := in.place(f, from); err != nil || f.wrong != nil {
			return err
		}
	}
	in.delivered = append(in.delivered, f)
	return nil
}

// check has a package judged.
func (in *intake) check(ctx context.Context, f *file, at string) error {
	if in.s.Incoming.Check == nil {
		return nil
	}
	free, err := slot(ctx, in.s.slots)
	if err != nil {
		return err
	}
	defer free()
	found, err := in.s.Incoming.Check(ctx, in.s.State, at, f.Name)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].File = f.Name
		if !found[i].Refuses() {
			in.notes = append(in.notes, found[i])
			continue
		}
		in.v.log.Warn("package with a fault", "file", f.Name, "finding", found[i].String())
		switch {
		case in.v.version == 1 && !in.disguised(found[i]):
		case f.wrong == nil:
			f.wrong = &found[i]
		default:
			in.notes = append(in.notes, found[i])
		}
	}
	return nil
}

// disguised reports whether a fault is that the package itself is of a source that the
// user has no right over, whatever the file's name says.
func (in *intake) disguised(fault report.Finding) bool {
	if fault.Code != report.CodeMismatch {
		return false
	}
	source, arch, ok := in.s.Incoming.Takes(fault.Expected)
	return ok && source != "" && report.Refused(access.Check(in.who, []access.Need{{Action: access.Publish, Source: source, Arch: arch}}))
}

// place copies a package into the incoming folder, whole.
func (in *intake) place(f *file, from string) error {
	i := in.s.Incoming
	at := i.at(in.acc.name, f.Name)
	if _, err := i.FS.Lstat(at); err == nil && !in.d.Wishes.Rebuild {
		f.wrong = &report.Finding{
			Code: report.CodeConflict, Severity: report.SeverityError, File: f.Name,
			Message: "a file of this name and with other bytes is in your incoming folder, and not taken from there yet",
			Hint:    "wait until it is, give the package another version or release, or ask for a rebuild",
		}
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	user := path.Dir(at)
	if err := i.FS.Mkdir(user, in.s.folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	temp := path.Join(user, copyName(f.sha, in.id))
	if err := in.copyOut(f, from, temp); err != nil {
		return errors.Join(err, i.FS.Remove(temp))
	}
	return i.FS.Rename(temp, at)
}

// copyOut writes a copy, synced, and holds it to the hash once more.
func (in *intake) copyOut(f *file, from, to string) error {
	src, err := in.s.State.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := in.s.Incoming.FS.Create(to, in.s.fileMode)
	if err != nil {
		return err
	}
	got := newSums()
	_, err = io.Copy(dst, io.TeeReader(src, got))
	if err == nil && got.sha() != f.sha {
		err = fmt.Errorf("%s: the file has changed on the server's disk", f.Name)
	}
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// copyName is the name of a file that is being written: of an upload, by its SHA-256.
func copyName(sha, id string) string { return "." + sha[:16] + "." + id }

// isCopyName reports whether a name is such a one. The folder may have more in it that
// begins with a dot, and is not ours.
func isCopyName(name string) bool {
	sha, id, _ := strings.Cut(strings.TrimPrefix(name, "."), ".")
	return strings.HasPrefix(name, ".") && len(sha) == 16 && strings.Trim(sha, "0123456789abcdef") == "" &&
		len(id) == 12 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// sweepIncoming deletes what a killed process was about to write there.
func (s *Server) sweepIncoming(limit time.Time) error {
	if s.Incoming == nil {
		return nil
	}
	users, err := s.Incoming.FS.ReadDir(path.Clean(s.Incoming.Dir))
	errs := []error{err}
	for _, u := range users {
		if !u.Mode.IsDir() {
			continue
		}
		files, err := s.Incoming.FS.ReadDir(s.Incoming.at(u.Name, ""))
		errs = append(errs, err)
		for _, f := range files {
			if isCopyName(f.Name) && f.IsRegular() && f.ModTime.Before(limit) {
				errs = append(errs, s.Incoming.FS.Remove(s.Incoming.at(u.Name, f.Name)))
			}
		}
	}
	return errors.Join(errs...)
}
