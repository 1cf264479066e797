package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

type gensyncCmd struct {
	Dir string `arg:"" name:"dir" complete:"folder" help:"The repository's folder, made with mmpush init DIR --kind pacman --name NAME."`

	Name             string        `required:"" placeholder:"NAME" help:"The repository's name, as in NAME.db."`
	Add              []string      `placeholder:"FILE" help:"A package to publish, with its .sig beside it; can be given several times. All of them become visible at once, or none."`
	Remove           []string      `placeholder:"PACKAGE" help:"The name of a package to take out; can be given several times."`
	Incoming         string        `placeholder:"DIR" help:"Publish what mmpush serve has put here: DIR/USER/FILE. Each package stands for itself; what is refused stays."`
	Users            *string       `placeholder:"FILE" help:"With --incoming: publish of each user only what this file gives them the right to. Default: whatever lies there."`
	PreventDowngrade bool          `help:"Refuse versions that are older than the published ones."`
	TakeOver         bool          `help:"Ask to take a package over from another pkgbase."`
	KeepOld          *int          `placeholder:"N" help:"How many older versions of each package stay beyond the grace time. Default: the repository's setting keep-old, or 0."`
	Sign             *string       `placeholder:"KEY" help:"Sign the databases with this key of gpg, as repo-add --sign does; --sign= for none. Default: the repository's setting sign."`
	DryRun           bool          `short:"n" help:"Do everything but publish, and show what would happen."`
	LockWait         time.Duration `setting:"lock-wait" default:"60s" placeholder:"DURATION" help:"How long to wait while another program changes the repository, and for the clock. Default: 60s."`
}

// Help is shown by --help.
func (*gensyncCmd) Help() string {
	return `Writes NAME.db and NAME.files of a pacman repository: packages come in, are replaced or go, in one step that no reader sees half of. ` +
		`Packages are read and checked by mmpush itself; no shell and no repo-add is run. A file that was published never changes: the same name with other bytes is a conflict. ` +
		`Replaced files stay for the repository's grace time.`
}

func (c *gensyncCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if err := c.check(); err != nil {
		return a.fail(err)
	}
	r, done, err := a.openPacman(c.Dir, c.Name)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	req, closing, err := c.request(a)
	defer closing()
	if err != nil {
		return a.fail(err)
	}
	out, err := syncdb.Publish(ctx, r, req)
	if err == nil {
		err = takeAway(out.Settled)
	}
	if err != nil {
		out.Result = resultError
		a.err.findings(out.Findings)
		a.err.problem(err)
		return answer{Report: out.Report, Error: problemOf(err), manifests: c.Add}, exitOfError(err)
	}
	if out.Result != report.Rejected {
		a.generated(out.Report, c.Name)
	}
	a.err.findings(out.Findings)
	return answer{Report: out.Report, manifests: c.Add}, c.exit(out, len(req.Add))
}

// exit is that of the answer; what stays in the incoming folder was refused.
func (c *gensyncCmd) exit(out syncdb.Outcome, brought int) int {
	code := exitOfReport(out.Report)
	if code == exitDone && c.Incoming != "" && !c.DryRun && len(out.Settled) < brought {
		return exitRejected
	}
	return code
}

func (c *gensyncCmd) check() error {
	switch {
	case c.Dir == "":
		return wrongUsage("name a folder", "the name of the repository's folder is empty")
	case !syncdb.ValidName(c.Name):
		return wrongName(c.Name)
	case len(c.Add) == 0 && len(c.Remove) == 0 && c.Incoming == "":
		return wrongUsage("add --add FILE, --remove PACKAGE or --incoming DIR", "nothing says what to change")
	case c.Sign != nil && *c.Sign != "" && !repo.ValidSigner(*c.Sign):
		return wrongUsage("give the fingerprint or the address of a key of gpg's", "--sign=%s: is not a key", visible(*c.Sign))
	case c.KeepOld != nil && *c.KeepOld < 0:
		return wrongUsage("give a number such as 2", "--keep-old=%d: is less than none", *c.KeepOld)
	case c.Users != nil && c.Incoming == "":
		return wrongUsage("add --incoming DIR", "--users goes with packages that users have sent")
	case c.LockWait < 0:
		return wrongUsage("give a time such as 60s or 5m", "--lock-wait=%s: a time cannot be negative", c.LockWait)
	}
	return nil
}

func wrongName(name string) error {
	return wrongUsage("a name has letters, digits and @._+-, at most 64, as a section of pacman.conf", "%q cannot be the name of a pacman repository", visible(name))
}

// request opens the folders that packages come from; closing gives them back.
func (c *gensyncCmd) request(a *app) (req syncdb.Request, closing func(), err error) {
	var open []func()
	closing = func() {
		for _, f := range open {
			f()
		}
	}
	req = syncdb.Request{Remove: c.Remove, PreventDowngrade: c.PreventDowngrade, TakeOver: c.TakeOver, Options: syncdb.Options{
		Who: a.User, Transport: "dir", DryRun: c.DryRun, LockWait: c.LockWait, Program: program("gensync"), Waiting: a.waiting,
		Sign: a.signerOf(c.Sign), Signers: a.databaseSigner, Required: a.requiredOfPackages, KeepOld: c.KeepOld,
	}}
	for _, file := range c.Add {
		folder, err := vfs.OpenDir(filepath.Dir(file))
		if err != nil {
			return req, closing, unreadableFolder(filepath.Dir(file), err)
		}
		open = append(open, func() { _ = folder.Close() })
		req.Add = append(req.Add, syncdb.Source{FS: a.folder(folder), Path: filepath.Base(file), Shown: file})
	}
	if c.Incoming == "" {
		return req, closing, nil
	}
	folder, err := vfs.OpenDir(c.Incoming)
	if err != nil {
		return req, closing, unreadableFolder(c.Incoming, err)
	}
	open = append(open, func() { _ = folder.Close() })
	if c.Users != nil {
		users, err := openUsers(*c.Users, slog.New(slog.DiscardHandler))
		if err != nil {
			return req, closing, err
		}
		req.Rights = judgedBy(users.auth)
	}
	waiting, err := arrived(a.folder(folder), ".", c.Incoming)
	if err != nil {
		return req, closing, unreadableFolder(c.Incoming, err)
	}
	if req.Add = append(req.Add, waiting...); len(waiting) > 0 && len(c.Add) == 0 {
		req.Transport = "incoming"
	}
	return req, closing, nil
}

func unreadableFolder(at string, err error) error {
	return &report.Error{Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, File: at, Err: err, Hint: "look at the path, and at who may read it"}
}

// arrived are the packages in an incoming folder, by user and name; base is the folder in
// fsys, and at how people call it. Names that begin with a dot are still being written.
func arrived(fsys vfs.FS, base, at string) ([]syncdb.Source, error) {
	users, err := fsys.ReadDir(base)
	if err != nil {
		return nil, err
	}
	var list []syncdb.Source
	for _, u := range users {
		if !u.Mode.IsDir() || u.Name[0] == '.' {
			continue
		}
		files, err := fsys.ReadDir(path.Join(base, u.Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			if _, ok := alpm.IsFileName(f.Name); ok && f.IsRegular() && f.Name[0] != '.' {
				list = append(list, sourceAt(fsys, base, at, u.Name, f.Name))
			}
		}
	}
	return list, nil
}

// takeAway deletes from the incoming folder what is published now, if it still is what
// was read. Others see to it that nothing is lost: the repository has it, durably. What
// lies in the repository itself stays.
func takeAway(list []syncdb.Settled) error {
	var errs []error
	remove := func(fsys vfs.FS, name string, was repo.Identity) {
		now, err := repo.Identify(fsys, name)
		if err == nil && now == was && now != (repo.Identity{}) {
			err = fsys.Remove(name)
		}
		errs = append(errs, err)
	}
	for _, s := range list {
		switch {
		case s.Who == "":
		case s.SignatureFS != nil:
			remove(s.SignatureFS, s.SignaturePath, s.Signature)
		default:
			remove(s.FS, s.Path, s.Package)
			remove(s.FS, s.Path+signature, s.Signature)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &report.Error{Stage: "incoming", Code: report.CodeDisk, Kind: report.KindInternal, Err: err,
			File: "the incoming folder", Hint: "the packages are published; the next run takes them away"}
	}
	return nil
}

// generated tells what was done.
func (a *app) generated(rep report.Report, name string) {
	rep.Manifest = name + ".db"
	a.out.summary(rep)
}

// openPacman opens the pacman repository of that name.
func (a *app) openPacman(at, name string) (r *repo.Repo, done func(), err error) {
	folder, err := dir.OpenFolder(at, false)
	if err != nil {
		return nil, nil, err
	}
	fsys := a.folder(folder)
	if r, err = syncdb.Open(fsys, at); err == nil {
		if f, _ := r.Format.(syncdb.Format); f.Name != name {
			err = &report.Error{Stage: "open", Code: report.CodeUsage, Kind: report.KindUsage, File: at,
				Err: errors.New("is the repository " + visible(f.Name) + ", not " + visible(name)), Hint: "give the name that it was made with"}
		}
	}
	if told, ok := errors.AsType[*report.Error](err); ok && told.Code == report.CodeNoRepo {
		told.Hint = "mmpush init " + quote(at) + " --kind pacman --name " + quote(name) + " makes a repository"
	}
	if err != nil {
		return nil, nil, errors.Join(err, folder.Close())
	}
	return r, func() { _ = folder.Close() }, nil
}
