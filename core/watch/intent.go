package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// intentSuffix ends the name of a publish that has begun; in front of it is the
// manifest's SHA-256.
const intentSuffix = ".intent"

// intent is a publish that has begun. It is written down ahead of it, so that
// whoever comes after a kill can tell whether it took place: what was published must
// not be published again, since something newer may have been published meanwhile.
type intent struct {
	Manifest string `json:"manifest"`
	ID       string `json:"id"`
	SHA256   string `json:"sha256"`
	// Generation is the repository's newest one before the publish. (A number, since
	// a clock may be set back.)
	Generation uint64 `json:"generation"`
	// Packages are the SHA-256 of what the publish brings, and the history will name.
	Packages []string   `json:"packages"`
	Files    []original `json:"files"`
}

func intentFile(sum string) string { return path.Join(privateDir, sum+intentSuffix) }

// intend writes down that an upload is about to be published. One that was written
// down before keeps its generation: that publish may still show in the history.
func (s *Scanner) intend(r *repo.Repo, a *arrival, before listing) (intent, error) {
	last, _, err := r.LastGeneration()
	if err != nil {
		return intent{}, err
	}
	brings, err := s.brings(r, a)
	if err != nil {
		return intent{}, err
	}
	it := intent{Manifest: a.name, ID: a.id, SHA256: a.sum, Generation: last.Number, Packages: brings, Files: originals(a, before, a.bundle())}
	if old, err := s.readIntent(intentFile(a.sum)); err == nil {
		it.Generation = min(it.Generation, old.Generation)
	}
	text, err := json.Marshal(it)
	if err == nil {
		err = vfs.ReplaceFile(s.opt.Drop, intentFile(a.sum), intentFile(a.sum)+newSuffix, 0o600, text)
	}
	if err != nil {
		// On a full disk only a publish, and the deletion after it, makes room.
		s.opt.Log.Warn("the intent cannot be written", "upload", a.name, "id", a.id, "error", err)
	}
	return it, nil
}

func (s *Scanner) readIntent(name string) (it intent, err error) {
	text, err := vfs.ReadFile(s.opt.Drop, name, journalLimit)
	if err == nil {
		err = json.Unmarshal(text, &it)
	}
	if err != nil {
		return it, err
	}
	if intentFile(it.SHA256) != name || !isBase(it.Manifest) || !isBase(it.ID) {
		return it, errors.New("it names what it may not")
	}
	for _, f := range it.Files {
		if !isBase(f.Name) {
			return it, fmt.Errorf("it names %q", f.Name)
		}
	}
	return it, nil
}

// forget deletes an intent that is settled.
func (s *Scanner) forget(sum string) error {
	if err := s.opt.Drop.Remove(intentFile(sum)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// outcome looks an intent up in the repository's history: ok is true if it was
// published, then the report is about that.
func (it intent) outcome(r *repo.Repo) (rep report.Report, ok bool, err error) {
	last, _, err := r.LastGeneration()
	if err != nil || last.Number <= it.Generation {
		return rep, false, err
	}
	for _, sum := range it.Packages {
		g, c, found := r.Publisher(sum)
		if !found || g.Number <= it.Generation {
			return rep, false, nil
		}
		if it.within(c) {
			return report.Report{
				Result: report.Published, Generation: g.Number, Time: g.Time, Packages: c.Packages, Findings: c.Findings,
			}, true, nil
		}
	}
	return rep, false, nil
}

// within reports whether a change published all that the intent was about.
func (it intent) within(c repo.Change) bool {
	for _, sum := range it.Packages {
		if !slices.ContainsFunc(c.Packages, func(p report.Package) bool {
			return p.SHA256 == sum && p.Action != report.ActionRemove
		}) {
			return false
		}
	}
	return len(it.Packages) > 0
}

// openRepo opens the repository, which has to serve what it served at the start.
func (s *Scanner) openRepo() (*repo.Repo, func(), error) {
	r, done, err := s.opt.Open()
	if err != nil {
		return nil, nil, err
	}
	if r.Arch == s.arch && r.Format.Kind() == s.kind {
		return r, done, nil
	}
	done()
	was, is := s.arch, r.Arch
	if was == is {
		was, is = s.kind, r.Format.Kind()
	}
	return nil, nil, &report.Error{
		Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: r.Path,
		Err:  fmt.Errorf("served %s when the watcher was started, and serves %s now", was, is),
		Hint: "start the watcher again if that is meant",
	}
}

// publish has the upload verified and published. What it returns is what became of
// it, even if it was published before and only now is known to be.
func (s *Scanner) publish(ctx context.Context, a *arrival, before listing) (report.Report, error) {
	r, done, err := s.openRepo()
	if err != nil {
		return report.Report{}, err
	}
	defer done()
	it, err := s.intend(r, a, before)
	if err != nil {
		return report.Report{}, err
	}
	rep, err := s.verifyAndPublish(ctx, r, a, before[a.name])
	if err == nil && rep.Result != report.Rejected {
		return rep, nil
	}
	was, published, unknown := it.outcome(r)
	if published {
		return was, nil
	}
	if unknown == nil {
		unknown = s.forget(a.sum)
	}
	if unknown != nil {
		s.opt.Log.Warn("an intent stays", "upload", a.name, "id", a.id, "error", unknown)
	}
	return rep, err
}

func (s *Scanner) verifyAndPublish(ctx context.Context, r *repo.Repo, a *arrival, seen vfs.Info) (report.Report, error) {
	if a.isList() {
		return s.opt.Packages.Publish(ctx, r, a.listed())
	}
	u, findings, err := s.openUpload(ctx, a, seen)
	if err != nil || report.Refused(findings) {
		return report.Report{Result: report.Rejected, Findings: findings}, err
	}
	req := s.opt.Request
	req.Upload = u
	rep, err := pipeline.Publish(ctx, r, req)
	rep.Findings = append(findings, rep.Findings...)
	return rep, err
}

func (s *Scanner) openUpload(ctx context.Context, a *arrival, seen vfs.Info) (upload.Upload, []report.Finding, error) {
	u, findings, err := upload.Open(ctx, s.opt.Drop, ".", a.name)
	if err == nil && !sameFile(u.Origin, seen) {
		err = errMoved
	}
	return u, findings, err
}

// settleIntents finds out what became of the publishes that were interrupted. It
// returns the manifests that must not be taken up yet: nobody knows of them.
func (s *Scanner) settleIntents() (unsettled map[string]bool) {
	list, err := s.opt.Drop.ReadDir(privateDir)
	if err != nil {
		s.opt.Log.Error("the drop folder cannot be used", "folder", s.opt.Path, "error", err)
	}
	unsettled = map[string]bool{}
	for _, i := range list {
		if !strings.HasSuffix(i.Name, intentSuffix) || !i.IsRegular() {
			continue
		}
		sum := strings.TrimSuffix(i.Name, intentSuffix)
		fault := s.guard(i.Name, func() { err = s.settleIntent(path.Join(privateDir, i.Name)) })
		if err = errors.Join(fault, err); err != nil {
			unsettled[sum] = true
			s.opt.Log.Error("nobody knows yet what became of an interrupted publish", "manifest_sha256", sum, "error", err)
		}
	}
	return unsettled
}

// settleIntent settles one. If it was not published, it stays as long as its
// manifest does, for the next attempt.
func (s *Scanner) settleIntent(name string) error {
	it, err := s.readIntent(name)
	if err != nil {
		s.opt.Log.Error("an intent is damaged and is dropped", "file", name, "error", err)
		return s.opt.Drop.Remove(name)
	}
	if s.leaving[it.Manifest] {
		return nil
	}
	r, done, err := s.openRepo()
	if err != nil {
		return err
	}
	defer done()
	rep, published, err := it.outcome(r)
	if err != nil {
		return err
	}
	a := s.arrivals[it.Manifest]
	there := a != nil && a.sum == it.SHA256 && !a.done
	switch {
	case published:
		if !there {
			a = &arrival{name: it.Manifest, sum: it.SHA256, id: it.ID}
		}
		s.depart(a, departure{Verdict: s.verdict(a, rep), Files: it.Files})
		s.opt.Log.Info("was published before it was interrupted", "upload", it.Manifest, "id", a.id)
	case !there:
		return s.forget(it.SHA256)
	}
	return nil
}
