package watch

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// Interval is the longest time between two looks at the folder.
	Interval = 10 * time.Second
	// DefaultSettle is how long an upload that is not whole may stay unchanged
	// before it is refused.
	DefaultSettle = 10 * time.Minute

	// quietTime is how long nothing of an upload may have changed before it counts
	// as written to its end.
	quietTime = 2 * time.Second
	// What is looked at in one scan; the others wait until these have left.
	uploadsAtOnce = 1000
	filesAtOnce   = 100_000

	manifestSuffix = ".mmpack-manifest"
)

// Options are how a drop folder is watched.
type Options struct {
	// Drop is the folder, Path its name on this machine.
	Drop vfs.FS
	Path string
	// Open opens the repository and returns what closes it. It is asked again for
	// each upload, by the repository's name, so that changed settings hold at once
	// and a repository that was replaced is not published in where it is now.
	Open func() (r *repo.Repo, done func(), err error)
	// Request is what each publish is asked with; the Upload is filled in.
	Request pipeline.Request
	// Packages publishes what lists of pacman's packages declare; the folder of a
	// repository of theirs takes lists and no manifests. Nil: manifests, and no lists.
	Packages Packages
	// Settle is how long an upload that is not whole may stay unchanged before it is
	// refused. If it is less than 2 s, it is also how long a whole one has to stay
	// unchanged before it is taken up.
	Settle time.Duration
	// Log gets a line for each thing that happens to an upload.
	Log *slog.Logger
	// Now is the clock; nil is [time.Now].
	Now func() time.Time
}

// Totals count the uploads that have left the folder.
type Totals struct {
	Published int `json:"published"`
	Unchanged int `json:"unchanged"`
	Rejected  int `json:"rejected"`
	// Waiting are those that are in the folder still.
	Waiting int `json:"waiting"`
}

// Scanner watches one drop folder. It is for one goroutine.
type Scanner struct {
	opt Options
	// repository is where the repository is, for people, arch what it serves.
	repository, arch string
	// kind is that of the repository.
	kind  string
	quiet time.Duration
	lock  vfs.File
	// arrivals are the uploads that are in the folder, by the manifest's name.
	arrivals map[string]*arrival
	// odd are the names that were told to be no manifests, or to be in no list.
	odd map[string]bool
	// leaving are the manifests of uploads that could not leave at once, and resumes
	// when that is tried again.
	leaving map[string]bool
	resumes time.Time
	// pause is until when nothing is published because the repository itself has the
	// trouble blocked, and troubles how often in a row it had.
	pause    time.Time
	blocked  error
	troubles int
	// turn is the manifest that was read last, of more than are looked at.
	turn   vfs.Info
	pruned time.Time
	totals Totals
}

// New takes a drop folder over: it makes what is missing in it and locks it. An
// error is a *[report.Error]; it is busy if another watcher has the folder. The
// caller calls Close at the end.
func New(opt Options) (*Scanner, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	r, done, err := opt.Open()
	if err != nil {
		return nil, err
	}
	defer done()
	s := &Scanner{
		opt: opt, repository: r.Path, arch: r.Arch, kind: r.Format.Kind(), quiet: min(quietTime, opt.Settle),
		arrivals: map[string]*arrival{}, odd: map[string]bool{}, leaving: map[string]bool{},
	}
	if err := s.takeOver(r); err != nil {
		return nil, err
	}
	s.tellAbout()
	return s, nil
}

// Close gives the folder back.
func (s *Scanner) Close() error { return s.lock.Close() }

// Totals counts what has happened since New.
func (s *Scanner) Totals() Totals {
	t := s.totals
	for _, a := range s.arrivals {
		if !a.done {
			t.Waiting++
		}
	}
	return t
}

// Scan looks at the folder once and does everything that can be done now. It
// returns when to look again at the latest. What goes wrong with one upload is
// logged and told in its verdict; an error means that the folder is gone. If ctx
// ends, Scan returns soon: between two uploads, or before the commit point of one.
func (s *Scanner) Scan(ctx context.Context) (next time.Time, err error) {
	next = s.opt.Now().Add(Interval)
	if err := s.makeFolders(); errors.Is(err, fs.ErrNotExist) {
		return next, s.folderError(errGone)
	} else if err != nil {
		s.opt.Log.Error("the drop folder cannot be used", "folder", s.opt.Path, "error", err)
		return next, nil
	}
	leaving := s.finishAll()
	list, err := s.opt.Drop.ReadDir(".")
	if err != nil {
		s.opt.Log.Error("the drop folder cannot be read", "folder", s.opt.Path, "error", err)
		return next, nil
	}
	entries := listing{}
	for _, i := range list {
		entries[i.Name] = i
	}
	present, all := s.gather(ctx, entries, leaving)
	s.releaseKept()
	if all {
		s.tellUnlisted(entries, present)
	}
	unsettled := s.settleIntents()
	for _, a := range present {
		if ctx.Err() != nil {
			return next, nil
		}
		if unsettled[a.sum] || s.arrivals[a.name] != a {
			continue
		}
		if at := s.consider(ctx, a, entries); at.Before(next) {
			next = at
		}
	}
	if !all {
		next = s.opt.Now().Add(s.quiet)
	}
	s.prune()
	return next, nil
}

// listing is the entries of the drop folder as one look saw them.
type listing map[string]vfs.Info

func (l listing) lookup(name string) (vfs.Info, bool) {
	i, ok := l[name]
	return i, ok
}

// suffix ends the names of what declares an upload here.
func (s *Scanner) suffix() string {
	if s.opt.Packages != nil {
		return ListSuffix
	}
	return manifestSuffix
}

// declares tells what declares an upload, here, from other files, and from those that
// have a dot in front because they are still on their way.
func (s *Scanner) declares(name string) bool { return declares(name, s.suffix()) }

func declares(name, suffix string) bool {
	return strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") && name != suffix
}

// ordinary reports whether an entry that is called like a manifest is a file with a
// name that can be told, and says it once if it is not.
func (s *Scanner) ordinary(info vfs.Info) bool {
	reason := "its name is not UTF-8"
	if !info.IsRegular() {
		reason = "it is a " + vfs.TypeName(info.Mode) + ", not a file"
	} else if utf8.ValidString(info.Name) {
		return true
	}
	if !s.odd[info.Name] {
		s.odd[info.Name] = true
		s.opt.Log.Warn("ignored", "upload", info.Name, "reason", reason)
	}
	return false
}

var errGone = errors.New("the drop folder was removed or renamed")

func (s *Scanner) folderError(err error) error {
	return &report.Error{
		Stage: "watch", Code: report.CodeDisk, Kind: report.KindInternal, File: s.opt.Path, Err: err,
		Hint: "nothing is lost: start the watcher again when the folder is there",
	}
}
