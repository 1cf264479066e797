package sets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
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
	return s.finish(ctx, req, home, key, added, rep)
}

// finish is complete for who holds the lock of the group.
func (s *Set) finish(ctx context.Context, req Request, home shelf, key string, added []part, rep report.Report) (report.Report, error) {
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
		// Those go that newer ones of their architecture have replaced.
		return rep, home.remove(key, without(all, parts))
	}
	out := rep
	offers, err := home.offers(ctx, parts)
	if err == nil {
		out, err = s.publish(ctx, req, offers, rep)
	}
	if err == nil && out.Result != report.Rejected {
		return out, home.remove(key, all)
	}
	if damaged, werr := home.weed(ctx, key, parts); werr == nil && len(damaged) > 0 {
		rep.Findings = append(rep.Findings, damaged...)
		return s.finish(ctx, req, home, key, added, rep)
	}
	if err != nil {
		return out, err
	}
	return out, home.takeBack(key, added)
}

// without are the parts that are not among some others.
func without(all, others []part) []part {
	return slices.DeleteFunc(slices.Clone(all), func(p part) bool {
		return slices.ContainsFunc(others, func(q part) bool { return q.dir == p.dir })
	})
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
