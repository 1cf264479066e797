package sets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// gather takes the parts of an upload, and publishes all if nothing is missing.
func (s *Set) gather(ctx context.Context, req Request, parts map[string]upload.Upload, rep report.Report) (report.Report, error) {
	home := shelf{s.Home()}
	// What is past its time is nobody's concern any more, also if it cannot be deleted.
	_ = Expire(home.repo)
	m := req.Uploads[0].Manifest
	key := id(s.Name, m.Name, m.Version)
	if refused, err := s.stranger(home, key, m); err != nil || refused != nil {
		return reject(rep, refused), err
	}
	var taken []report.Report
	published := map[string]bool{}
	archs := slices.Sorted(maps.Keys(parts))
	for _, arch := range archs {
		one, err := s.judge(ctx, req, offer{arch, parts[arch], req.Who, req.Transport, req.Requests})
		taken = append(taken, one)
		if err != nil {
			return join(rep, taken), err
		}
		published[arch] = one.Result == report.Unchanged
	}
	judged := join(rep, taken)
	if judged.Result == report.Rejected || req.DryRun {
		return judged, nil
	}
	if w, err := home.waiting(key); err != nil || w == nil && judged.Result == report.Unchanged && s.everywhere(m) {
		return judged, err
	}
	var added []part
	for _, arch := range archs {
		p, refused, err := s.add(ctx, home, key, req, arch, parts[arch], published[arch])
		if err != nil || refused != nil {
			return reject(rep, refused), errors.Join(err, home.takeBack(key, added))
		}
		if p != nil {
			added = append(added, *p)
		}
	}
	return s.complete(ctx, req, home, key, added, rep)
}

func reject(rep report.Report, refused []report.Finding) report.Report {
	if len(refused) > 0 {
		rep.Result, rep.Findings = report.Rejected, append(rep.Findings, refused...)
	}
	return rep
}

// everywhere reports whether every expected repository serves this very source.
func (s *Set) everywhere(m *manifest.Manifest) bool {
	for _, arch := range s.Expects {
		r := s.Repositories[arch]
		view, err := pipeline.View(r.FS)
		if err != nil {
			return false
		}
		there, err := view.BinariesOf(m.Name, m.Source.SHA256)
		if closeErr := view.Close(); err != nil || closeErr != nil || len(there) == 0 {
			return false
		}
	}
	return true
}

// stranger refuses a part that was built from another tarball than those that wait.
func (s *Set) stranger(home shelf, key string, m *manifest.Manifest) ([]report.Finding, error) {
	g, err := home.group(key)
	if err != nil || g == nil || g.SHA256 == m.Source.SHA256 {
		return nil, err
	}
	w, err := home.waiting(key)
	if err != nil || w == nil {
		return nil, err
	}
	return []report.Finding{{
		Code: report.CodeParts, Severity: report.SeverityError, Field: "source.sha256", Expected: g.SHA256, Actual: m.Source.SHA256,
		Message: fmt.Sprintf("was built from another source tarball than the parts of %s %s that wait in the set %s: %s", m.Name, m.Version, s.Name, who(w)),
		Hint:    buildOnce + "; if those that wait are out of date: mmpush abort " + key,
	}}, nil
}

// who names where the parts come from.
func who(w *report.Waiting) string {
	text := ""
	for i, p := range w.Parts {
		if i > 0 {
			text += ", "
		}
		text += p.Architecture
		if p.Who != "" {
			text += " from " + p.Who
		}
	}
	return text
}

// judge runs the line up to the lock: what would be refused is refused at once.
func (s *Set) judge(ctx context.Context, req Request, o offer) (report.Report, error) {
	req.DryRun = true
	t, err := s.target(req, o)
	if err != nil {
		return report.Report{}, err
	}
	return pipeline.Publish(ctx, t.Repo, t.Request)
}

// add puts a part on the shelf, durably; nil if the same one is there.
func (s *Set) add(ctx context.Context, home shelf, key string, req Request, arch string, u upload.Upload, published bool) (*part, []report.Finding, error) {
	sum := sha256.Sum256(u.Text)
	p := &part{
		Arch: arch, Manifest: u.Name, Sum: hex.EncodeToString(sum[:]), Who: req.Who, Transport: req.Transport,
		Requests: req.Requests, Published: published,
	}
	there, err := home.parts(key)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(there, func(o part) bool {
		return o.Arch == arch && o.Sum == p.Sum && o.Published == published && o.Requests == p.Requests
	}) {
		return nil, nil, nil
	}
	if err := home.prepare(); err != nil {
		return nil, nil, err
	}
	stage, err := home.repo.NewStage()
	if err != nil {
		return nil, nil, err
	}
	defer stage.Discard()
	dir := path.Join(stage.Dir, "part")
	if err := home.prepare(dir); err != nil {
		return nil, nil, err
	}
	if !published {
		refused, err := home.copy(ctx, req, u, dir, p)
		if err != nil || report.Refused(refused) {
			return nil, refused, err
		}
	}
	refused, err := s.shelve(home, key, u.Manifest, dir, p)
	return p, refused, err
}

// copy brings the files of a part into a folder of the stage.
func (s shelf) copy(ctx context.Context, req Request, u upload.Upload, dir string, p *part) ([]report.Finding, error) {
	staged, err := upload.Stage(ctx, u, s.repo.FS, dir, p.Arch, upload.Options{Limits: req.Limits, Progress: req.Progress})
	if err != nil {
		return nil, err
	}
	found, err := verify.Run(ctx, staged, p.Arch, nil)
	if err != nil || report.Refused(found) {
		return found, err
	}
	p.Files = map[string]string{}
	for _, f := range staged.Received {
		p.Size += f.ActualSize
		p.Files[f.Name] = f.ActualSHA256
	}
	texts := map[string][]byte{u.Name: u.Text}
	for _, sig := range u.Signatures {
		texts[sig.Name] = sig.Text
	}
	for name, text := range texts {
		if err := vfs.CreateSynced(s.repo.FS, path.Join(dir, name), s.repo.PrivateFileMode(), text); err != nil {
			return nil, s.repo.Tell("parts", err)
		}
	}
	return nil, nil
}

// shelve gives a part that is ready its place, durably.
func (s *Set) shelve(home shelf, key string, m *manifest.Manifest, dir string, p *part) ([]report.Finding, error) {
	if err := home.prepare(repo.PartsDir); err != nil {
		return nil, err
	}
	unlock, err := home.lock(partsLock, time.Minute)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Somebody else may have begun in between.
	if refused, err := s.stranger(home, key, m); err != nil || refused != nil {
		return refused, err
	}
	if g, err := home.group(key); err != nil {
		return nil, err
	} else if g != nil && g.SHA256 != m.Source.SHA256 {
		// Nothing in it waits: else it would have been refused.
		if err := home.discard(groupDir(key)); err != nil {
			return nil, err
		}
	}
	if err := home.prepare(groupDir(key)); err != nil {
		return nil, err
	}
	p.Time = home.repo.Now().UTC()
	p.dir = path.Join(groupDir(key), p.Arch+"-"+home.repo.NewID())
	if err := s.place(home, key, m, dir, p); err != nil {
		return nil, home.repo.Tell("parts", err)
	}
	return nil, nil
}

func (s *Set) place(home shelf, key string, m *manifest.Manifest, dir string, p *part) error {
	fsys, mode := home.repo.FS, home.repo.PrivateFileMode()
	g, err := home.group(key)
	if err != nil {
		return err
	}
	if g == nil {
		g = &group{Set: s.Name, Source: m.Name, Version: m.Version, SHA256: m.Source.SHA256, Expects: s.Expects, Since: p.Time, Until: p.Time.Add(s.Deadline)}
		text, err := json.Marshal(g)
		if err != nil {
			return err
		}
		name := path.Join(groupDir(key), groupFile)
		if err := vfs.ReplaceFile(fsys, name, name+".new", mode, text); err != nil {
			return err
		}
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = vfs.CreateSynced(fsys, path.Join(dir, partFile), mode, text)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err == nil {
		err = fsys.Rename(dir, p.dir)
	}
	folders := []string{groupDir(key), repo.PartsDir, repo.MetaDir}
	if home.repo.MadeFolders() || !home.repo.Adopted() {
		// Its own entry may be as new, also if somebody else has made it.
		folders = append(folders, ".")
	}
	for _, dir := range folders {
		if err == nil {
			err = fsys.SyncDir(dir)
		}
	}
	return err
}

// takeBack removes parts that have just been added.
func (s shelf) takeBack(key string, added []part) error {
	if len(added) == 0 {
		return nil
	}
	return s.remove(key, added)
}

// complete publishes the group if nothing of it is missing, or says what it waits for.
func (s *Set) complete(ctx context.Context, req Request, home shelf, key string, added []part, rep report.Report) (report.Report, error) {
	unlock, err := home.lock(path.Join(groupDir(key), lockFile), req.LockWait)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody else has published it just now, with this part.
		return s.gone(ctx, req, rep)
	}
	if err != nil {
		return rep, err
	}
	defer unlock()
	w, err := home.waiting(key)
	if err != nil {
		return rep, err
	}
	if w == nil {
		return s.gone(ctx, req, rep)
	}
	all, err := home.all(key)
	if err != nil {
		return rep, err
	}
	parts, err := home.parts(key)
	if err != nil {
		return rep, err
	}
	if len(w.Missing) > 0 && !req.Partial {
		rep.Result, rep.Waiting = report.Accepted, w
		return rep, home.remove(key, replaced(all, parts))
	}
	offers, err := home.offers(ctx, parts)
	if err != nil {
		return rep, err
	}
	rep, err = s.publish(ctx, req, offers, rep)
	if err != nil {
		return rep, err
	}
	if rep.Result == report.Rejected {
		return rep, home.takeBack(key, added)
	}
	return rep, home.remove(key, all)
}

// replaced are the parts that newer ones of their architecture have replaced.
func replaced(all, newest []part) []part {
	return slices.DeleteFunc(slices.Clone(all), func(p part) bool {
		return slices.ContainsFunc(newest, func(q part) bool { return q.dir == p.dir })
	})
}

// gone says what became of parts that are no longer there: they are published, or
// somebody has dropped them.
func (s *Set) gone(ctx context.Context, req Request, rep report.Report) (report.Report, error) {
	parts, _ := merge(req.Uploads)
	var list []report.Report
	for _, arch := range slices.Sorted(maps.Keys(parts)) {
		if s.Repositories[arch] == nil {
			continue
		}
		one, err := s.judge(ctx, req, offer{arch, parts[arch], req.Who, req.Transport, req.Requests})
		if err != nil {
			return rep, err
		}
		list = append(list, one)
	}
	out := join(rep, list)
	if out.Result != report.Unchanged {
		out = rep
		out = reject(out, []report.Finding{{
			Code: report.CodeExpired, Severity: report.SeverityError,
			Message: "the parts that waited are gone: they were aborted, or are past their deadline", Hint: "push all of them again",
		}})
	}
	return out, nil
}

// offers opens the parts that wait.
func (s shelf) offers(ctx context.Context, parts []part) ([]offer, error) {
	var list []offer
	for _, p := range parts {
		if p.Published {
			continue
		}
		u, found, err := upload.Open(ctx, s.repo.FS, p.dir, p.Manifest)
		if err == nil && report.Refused(found) {
			err = fmt.Errorf("%s: %v", p.dir, found)
		}
		if err != nil {
			return nil, s.repo.Tell("parts", err)
		}
		list = append(list, offer{p.Arch, u, p.Who, p.Transport, p.Requests})
	}
	return list, nil
}

// Wait waits until the parts that rep is about are published, or dropped; it ends with
// rep, if they still wait after so long a time.
func (s *Set) Wait(ctx context.Context, req Request, rep report.Report, limit time.Duration) (report.Report, error) {
	home := shelf{s.Home()}
	began := home.repo.Now()
	for home.repo.Now().Sub(began) < limit {
		if err := ctx.Err(); err != nil {
			return rep, &report.Error{Stage: "wait", Code: report.CodeStopped, Kind: report.KindBusy, Err: err}
		}
		w, err := home.waiting(rep.Waiting.ID)
		if err != nil {
			return rep, err
		}
		if w == nil || w.SHA256 != rep.Waiting.SHA256 {
			rep.Waiting, rep.Result = nil, ""
			return s.gone(ctx, req, rep)
		}
		if len(w.Missing) == 0 {
			// Whoever brought the last part may have died.
			rep.Waiting, rep.Result = nil, ""
			return s.complete(ctx, req, home, w.ID, nil, rep)
		}
		rep.Waiting = w
		if !home.repo.Now().Before(w.Until) {
			if err := Expire(home.repo); err != nil {
				return rep, err
			}
		}
		home.repo.Sleep(200 * time.Millisecond)
	}
	return rep, nil
}
