package installable

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// settings are what the repository says.
type settings struct {
	Bases  []string `json:"bases"`
	Ignore []string `json:"ignore"`
}

// Verifier says whether a change breaks packages.
type Verifier struct {
	bases, ignore []string
}

var (
	_ verify.Verifier     = (*Verifier)(nil)
	_ verify.PlanVerifier = (*Verifier)(nil)
)

// New makes the verifier.
func New(text []byte) (*Verifier, error) {
	var s settings
	if err := config.Decode(text, &s); err != nil {
		return nil, err
	}
	for _, b := range s.Bases {
		if !filepath.IsAbs(b) {
			return nil, fmt.Errorf("bases: %q is not an absolute path", b)
		}
	}
	return &Verifier{s.Bases, s.Ignore}, config.Patterns("ignore", s.Ignore)
}

// Verify implements [verify.Verifier]: an upload alone says nothing.
func (v *Verifier) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// VerifyPlan implements [verify.PlanVerifier].
func (v *Verifier) VerifyPlan(ctx context.Context, view index.View, p plan.Plan) (found []report.Finding, err error) {
	w := &world{view: view, after: map[string]string{}, before: map[string]string{}, others: bases{paths: v.bases}}
	defer func() { err = errors.Join(err, w.others.close()) }()
	if err := w.change(p.Edit); err != nil {
		return nil, err
	}
	for _, b := range incoming(p.Edit) {
		if err := v.arriving(w, b); err != nil {
			return nil, err
		}
	}
	if err := v.staying(ctx, w); err != nil {
		return nil, err
	}
	return w.All(), nil
}

// incoming are the stanzas that an edit brings.
func incoming(e index.Edit) []index.Binary {
	all := slices.Concat(e.ReplaceBinaries, e.AppendBinaries)
	for _, i := range e.InsertBinaries {
		all = append(all, i.Binary)
	}
	return all
}

// arriving looks at a package that comes in. One that is only written anew, its
// dependencies as they were, is like one that stays.
func (v *Verifier) arriving(w *world, b index.Binary) error {
	old, was, err := w.view.Binary(b.Name)
	if err != nil {
		return err
	}
	if was && old.SHA256 == b.SHA256 && old.Depends == b.Depends {
		return v.stays(w, b)
	}
	if config.Matches(v.ignore, b.Name) {
		return nil
	}
	needs, problem := parseDepends(b.Depends)
	if problem != "" {
		w.Add(report.Finding{
			Code: report.CodeInstallable, File: b.Filename, Field: "depends", Actual: problem,
			Expected: "NAME, NAME (>= VERSION), NAME (= VERSION) or NAME (< VERSION)",
			Message:  fmt.Sprintf("the client cannot read a dependency of %s %s", b.Name, b.Version),
			Hint:     "correct depends in the package's specs, and build it again",
		})
	}
	for _, n := range needs {
		ok, err := w.met(n, true)
		if err != nil {
			return err
		}
		if !ok {
			w.broken(b, n, "cannot be installed", "publish what it needs first, or in the same upload")
		}
	}
	return nil
}

// staying looks at the published packages that the change does not touch.
func (v *Verifier) staying(ctx context.Context, w *world) error {
	if len(w.before) == 0 {
		return nil
	}
	for b, err := range w.view.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if _, touched := w.after[b.Name]; touched || b.Depends == "" {
			continue
		}
		if err := v.stays(w, b); err != nil {
			return err
		}
	}
	return nil
}

// stays tells which dependencies of a package are met before the change and not after
// it.
func (v *Verifier) stays(w *world, b index.Binary) error {
	if !w.concerns(b.Depends) || config.Matches(v.ignore, b.Name) {
		return nil
	}
	needs, _ := parseDepends(b.Depends)
	for _, n := range needs {
		if _, changes := w.before[n.name]; !changes {
			continue
		}
		after, err := w.met(n, true)
		if err != nil || after {
			if err != nil {
				return err
			}
			continue
		}
		if before, err := w.met(n, false); err != nil || !before {
			if err != nil {
				return err
			}
			continue
		}
		w.broken(b, n, "could not be installed any more", "remove "+b.Name+", too, or publish it again for what is there then, in the same upload")
	}
	return nil
}

// concerns reports whether a text of dependencies names a package that changes: for
// almost all packages it does not, and nothing is parsed.
func (w *world) concerns(depends string) bool {
	for part := range strings.SplitSeq(depends, ",") {
		name, _, _ := strings.Cut(part, "(")
		if _, ok := w.before[strings.TrimSpace(name)]; ok {
			return true
		}
	}
	return false
}

func (w *world) broken(b index.Binary, n need, what, hint string) {
	w.Add(report.Finding{
		Code: report.CodeInstallable, File: b.Filename, Field: "depends", Expected: n.String(), Actual: w.there(n.name),
		Message: fmt.Sprintf("%s %s %s: it depends on %s", b.Name, b.Version, what, n), Hint: hint,
	})
}
