package syncdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// mark is one package as the history notes it: with its file, which stays for the grace
// time, it can be published again.
type mark struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	File    string `json:"file,omitempty"`
	Size    int64  `json:"size,omitempty"`
	// SHA256 is that of the file; empty if the package is not published.
	SHA256 string `json:"sha256,omitempty"`
}

func markOf(d Desc) mark { return mark{d.Name, d.Version, d.FileName, d.Size, d.SHA256} }

// is reports whether a package is the marked one.
func (m mark) is(d Desc, there bool) bool {
	if m.SHA256 == "" || !there {
		return m.SHA256 == "" && !there
	}
	return d.Version == m.Version && d.SHA256 == m.SHA256
}

func (m mark) String() string {
	if m.SHA256 == "" {
		return "not published"
	}
	return m.Version + " " + m.SHA256
}

// UndoRequest says what of the history to take back. The zero one is the last change that
// the history has.
type UndoRequest struct {
	// Generation is the one to take back.
	Generation uint64
	// Change is its change, from 1; 0 is all of them.
	Change int
	// To, if not nil, is the generation to whose state to go back; 0 is the state before
	// the first.
	To *uint64
	Options
}

// Undo takes changes back: what they published goes, and what they replaced or removed
// comes back, with the files that stayed for the grace time. It is a change itself.
func Undo(ctx context.Context, r *repo.Repo, req UndoRequest) (Outcome, error) {
	g, out, err := begin(r, req.Options)
	if err != nil {
		return out, err
	}
	defer g.discard()
	rev := reversal{was: map[string]mark{}, is: map[string]mark{}}
	out.Findings, err = rev.collect(r, req)
	out.Undoes, g.wish.Undoes = rev.of, rev.of
	if err == nil && !report.Refused(out.Findings) {
		err = g.reverse(ctx, rev, &out)
	}
	if err != nil {
		return out, err
	}
	if report.Refused(out.Findings) {
		out.Result = report.Rejected
		return out, nil
	}
	err = g.change(ctx, &out)
	if out.Result == report.Published || out.Result == report.Removed {
		out.Result = report.Undone
	}
	return out, err
}

// reversal is what taking changes back comes to: what each package was before them, and
// what they made of it.
type reversal struct {
	of      string
	was, is map[string]mark
}

// collect reads it from the history; what cannot be taken back is a finding.
func (v *reversal) collect(r *repo.Repo, req UndoRequest) ([]report.Finding, error) {
	h, err := r.OpenHistory()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if req.To != nil {
		return v.back(r, h, *req.To)
	}
	g, ok, err := req.find(h)
	if err != nil {
		return nil, err
	}
	if !ok || req.Change < 0 || req.Change > len(g.Changes) {
		return []report.Finding{repo.NoSuchChange(req.Generation, req.Change)}, nil
	}
	changes := g.Changes
	v.of = fmt.Sprintf("generation %d", g.Number)
	if req.Change > 0 {
		changes = changes[req.Change-1 : req.Change]
		if len(g.Changes) > 1 {
			v.of += fmt.Sprintf(".%d", req.Change)
		}
	}
	return v.add(r, g.Number, changes)
}

// find finds the generation; of the last one it settles which change is meant.
func (u *UndoRequest) find(h *repo.History) (g repo.Generation, ok bool, err error) {
	if u.Generation > 0 {
		return h.Find(u.Generation)
	}
	if g, ok, err = h.Last(); ok {
		u.Change = len(g.Changes)
	}
	return g, ok, err
}

// back is the way to the state after a generation.
func (v *reversal) back(r *repo.Repo, h *repo.History, to uint64) ([]report.Finding, error) {
	v.of = fmt.Sprintf("everything since generation %d", to)
	last := uint64(0)
	for line, err := range h.Newest() {
		if err != nil {
			return nil, err
		}
		g, err := line.Generation()
		if err != nil {
			return nil, err
		}
		if last = max(last, g.Number); g.Number <= to {
			break
		}
		if found, err := v.add(r, g.Number, g.Changes); err != nil || found != nil {
			return found, err
		}
	}
	if to > last {
		return []report.Finding{repo.NoSuchChange(to, 0)}, nil
	}
	return nil, nil
}

// add takes up changes of one generation, which are older than those before.
func (v *reversal) add(r *repo.Repo, number uint64, changes []repo.Change) ([]report.Finding, error) {
	for _, c := range slices.Backward(changes) {
		var added, dropped []mark
		known, err := r.Delta(number, c, &added, &dropped)
		if err != nil {
			return nil, err
		}
		if !known {
			return []report.Finding{{Code: report.CodeOvertaken, Severity: report.SeverityError,
				Message: fmt.Sprintf("what generation %d has changed is not known", number), Hint: "publish what is meant"}}, nil
		}
		was, is := byName(dropped), byName(added)
		for _, m := range slices.Concat(dropped, added) {
			if _, later := v.is[m.Name]; !later {
				v.is[m.Name] = is[m.Name]
			}
			v.was[m.Name] = was[m.Name]
		}
	}
	return nil, nil
}

// byName finds marks; of a package that is not among them, the mark says that it is not
// published.
func byName(list []mark) map[string]mark {
	all := map[string]mark{}
	for _, m := range list {
		all[m.Name] = m
	}
	return all
}

// reverse makes a wish of a reversal: packages that come back are read like any others,
// from where their files stayed.
func (g *gensync) reverse(ctx context.Context, rev reversal, out *Outcome) error {
	var back []Source
	for _, name := range sortedNames(rev.was) {
		was, is := rev.was[name], rev.is[name]
		is.Name = name
		g.wish.Expect = append(g.wish.Expect, expectation{Is: is, Was: was})
		switch {
		case was.SHA256 == is.SHA256 && was.Version == is.Version:
			continue
		case was.SHA256 == "":
			g.wish.Remove = append(g.wish.Remove, name)
			continue
		}
		if f, err := g.stays(was); err != nil {
			return err
		} else if f != nil {
			out.Findings = append(out.Findings, *f)
			continue
		}
		back = append(back, Source{FS: g.repo.FS, Path: was.File, Shown: was.File})
	}
	if report.Refused(out.Findings) {
		return nil
	}
	err := g.bring(ctx, back)
	out.Findings = append(out.Findings, g.findings...)
	return err
}

func sortedNames(m map[string]mark) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// stays looks whether the file of a package that comes back is still there.
func (g *gensync) stays(m mark) (*report.Finding, error) {
	t, err := g.at(m.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, repo.DiskError("plan", path.Join(g.repo.Path, m.File), err)
	}
	if t.SHA256 == m.SHA256 {
		return nil, nil
	}
	return &report.Finding{Code: report.CodeExpired, Severity: report.SeverityError, File: m.File, Field: m.Name, Expected: m.SHA256, Actual: t.SHA256,
		Message: "the file that would come back is not there any more", Hint: "publish the package again, if you have it"}, nil
}

// expectation is what an undo relies on: a package is still as the change has left it.
type expectation struct {
	Is, Was mark
}

// expected refuses an undo of packages that something else has changed since. One that is
// as it was before the change already is no hindrance.
func (p *planner) expected() error {
	for _, e := range p.wish.Expect {
		d, there, err := p.view.Package(e.Is.Name)
		if err != nil {
			return err
		}
		if e.Is.is(d, there) || e.Was.is(d, there) {
			continue
		}
		now := mark{}
		if there {
			now = markOf(d)
		}
		p.findings = append(p.findings, report.Finding{Code: report.CodeOvertaken, Severity: report.SeverityError, Field: e.Is.Name,
			Message: "a later change has touched the package", Expected: e.Is.String(), Actual: now.String(),
			Hint: "take the later change back first; `mmpush log` shows it"})
	}
	return nil
}

// marks is what a record needs to be taken back.
func marks(list []mark) json.RawMessage {
	var b bytes.Buffer
	if len(list) == 0 {
		return json.RawMessage("[]")
	}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(list); err != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}
