package plan

import (
	"fmt"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// laterHint is what to do about a later change.
const laterHint = "take the later change back first, or go back to a whole state with `mmpush undo --to`"

// conflicts finds what something else has changed since. The field names the package;
// who it was, the history knows.
func (t *turns) conflicts() []report.Finding {
	var found []report.Finding
	for _, key := range t.keys {
		if x := t.sources[key]; x.touched(addedSource) {
			found = append(found, later(key.Name, "the source %s %s %s", key.Name, key.Version, sinceThen(x.left, x.now)))
		}
	}
	for _, name := range t.names {
		if x := t.binaries[name]; x.touched(addedBinary) {
			found = append(found, later(name, "the package %s", sinceThen(x.left, x.now)))
		}
	}
	return found
}

func later(field, format string, args ...any) report.Finding {
	return report.Finding{
		Code: report.CodeOvertaken, Severity: report.SeverityError, Field: field, Message: fmt.Sprintf(format, args...), Hint: laterHint,
	}
}

// sinceThen tells what has become of a package.
func sinceThen[T any](left *Added, now *T) string {
	switch {
	case now == nil:
		return "has been taken out since"
	case left == nil:
		return "has been published again since"
	}
	return "has been changed since"
}

// judge applies the rules to what comes back. Who asks for an undo has asked for what
// it comes to; what is never allowed it does not allow either.
func (t *turns) judge(rules func(source string) Rules) []report.Finding {
	var c court
	for _, name := range t.names {
		x := t.binaries[name]
		if x.now == nil || x.back == nil {
			continue
		}
		b, old, p := *x.back, *x.now, rules(x.back.Source)
		order := index.CompareVersions(old.Version, b.Version)
		if order == 0 && old.SHA256 != b.SHA256 {
			c.never(rule{p.Rebuild, true, "undo", "rebuild", "raise the version"}, report.Finding{
				Code: report.CodeConflict, Field: name, Expected: old.SHA256, Actual: b.SHA256,
				Message: fmt.Sprintf("%s %s would have other bytes again", name, b.Version),
			})
		}
		if order > 0 {
			c.never(rule{p.Downgrade, true, "undo", "downgrade", "publish a greater version"}, report.Finding{
				Code: report.CodeDowngrade, Field: name, Expected: old.Version, Actual: b.Version,
				Message: fmt.Sprintf("%s would go back from %s to %s", name, old.Version, b.Version),
			})
		}
		if old.Source != b.Source {
			c.never(rule{p.TakeOver, true, "undo", "take-over", "publish it from its source"}, report.Finding{
				Code: report.CodeTakeOver, Field: name, Expected: old.Source, Actual: b.Source,
				Message: fmt.Sprintf("%s would pass from the source %s back to the source %s", name, old.Source, b.Source),
			})
		}
	}
	return c.findings
}

// never adds the finding if the rule refuses.
func (c *court) never(r rule, refusal report.Finding) {
	before := len(c.findings)
	c.apply(r, refusal, refusal.Message)
	if !report.Refused(c.findings[before:]) {
		c.findings = c.findings[:before]
	}
}

// expired finds files to bring back that are not there with their bytes. Where the
// change has only moved a package, the file that it is served from now will do.
func (t *turns) expired(taken func(path string) (Taken, error)) ([]report.Finding, error) {
	var found []report.Finding
	var failed error
	lost := func(f File, what string, moved bool) bool {
		at := Taken{}
		if isPublishedPath(f.Path) && failed == nil {
			at, failed = taken(f.Path)
		}
		if at.is(f) || moved {
			return !at.is(f)
		}
		found = append(found, expiredFile(f, what, at))
		return false
	}
	t.forget(func(x *turn[index.Binary]) bool {
		if x.back == nil || x.now != nil && x.now.Filename == x.back.Filename && x.now.SHA256 == x.back.SHA256 {
			return false
		}
		return lost(fileOf(Dropped{Binary: &index.InsertBinary{Binary: *x.back}}), x.back.Name+" "+x.back.Version, x.moved(addedBinary))
	}, func(x *turn[index.Source]) bool {
		if x.back == nil || x.now != nil && x.now.Filename == x.back.Filename {
			return false
		}
		return lost(fileOf(Dropped{Source: &index.InsertSource{Source: *x.back}}), "the source "+x.back.Name+" "+x.back.Version, x.moved(addedSource))
	})
	return found, failed
}

func expiredFile(f File, what string, at Taken) report.Finding {
	finding := report.Finding{
		Code: report.CodeExpired, Severity: report.SeverityError, File: f.Path, Expected: f.SHA256,
		Message: what + " cannot come back: its file is gone",
		Hint:    "replaced files stay for the grace time only; publish that version again",
	}
	if at.Exists {
		finding.Message = what + " cannot come back: its file has other bytes now"
		finding.Actual = at.SHA256
	}
	return finding
}

// torn finds binaries that would lose their source, or come back without one: a later
// change has left them in the other's care. A source without a binary does no harm.
func (t *turns) torn(v index.View, e index.Edit) ([]report.Finding, error) {
	after, err := index.Apply(v, e)
	if err != nil {
		return nil, err
	}
	var origins []tarball
	for _, name := range t.names {
		for _, b := range []*index.Binary{t.binaries[name].now, t.binaries[name].back} {
			if b != nil {
				origins = append(origins, tarball{b.Source, b.SrcSHA256})
			}
		}
	}
	for _, key := range t.keys {
		origins = append(origins, tarball{key.Name, key.SHA256})
	}
	var found []report.Finding
	seen := map[tarball]bool{}
	for _, o := range origins {
		if seen[o] {
			continue
		}
		seen[o] = true
		alone, err := orphaned(after, o)
		if err != nil {
			return nil, err
		}
		if !alone {
			continue
		}
		// Somebody else may have left it like that.
		if alone, err = orphaned(v, o); err != nil {
			return nil, err
		}
		if !alone {
			found = append(found, later(o.name, "the source %s and its binaries would no longer fit together: later changes rely on what this takes back", o.name))
		}
	}
	return found, nil
}

// orphaned reports whether there are binaries of a source that is not there.
func orphaned(v index.View, o tarball) (bool, error) {
	if o.name == "" || o.sha256 == "" {
		return false, nil
	}
	of, err := v.BinariesOf(o.name, o.sha256)
	if err != nil || len(of) == 0 {
		return false, err
	}
	list, err := v.Sources(index.Selector{Name: o.name, SHA256: o.sha256})
	return len(list) == 0, err
}
