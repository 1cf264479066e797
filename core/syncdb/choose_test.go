package syncdb

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// forbidding is a verifier with a rule about changes of one source.
type forbidding string

func (forbidding) VerifyPackage(context.Context, alpm.Arrived) ([]report.Finding, error) {
	return nil, nil
}

func (f forbidding) VerifyChanges(_ context.Context, list []alpm.Change) (found []report.Finding, err error) {
	for _, c := range list {
		if c.Source == string(f) {
			found = append(found, report.Finding{Code: report.CodeConflict, Message: "is forbidden"})
		}
	}
	return found, nil
}

// What one user sends, and that is refused, holds up nobody else: not a package of the same
// name that is older, nor a file of the very same name, nor other packages.
func TestOneHoldsUpNobody(t *testing.T) {
	t.Parallel()
	type sent struct{ who, name, version, base string }
	for name, c := range map[string]struct {
		sent            []sent
		published, left []string
	}{
		"no rights":               {[]sent{{"eve", "foo", "9-1", "foo"}, {"bob", "foo", "1-1", "foo"}}, []string{"bob foo 1-1"}, []string{"no right"}},
		"no rights, the same":     {[]sent{{"eve", "foo", "1-1", "foo"}, {"bob", "foo", "1-1", "foo"}}, []string{"bob foo 1-1"}, []string{"no right"}},
		"no rights, two of three": {[]sent{{"eve", "foo", "9-1", "foo"}, {"mal", "foo", "8-1", "foo"}, {"bob", "foo", "1-1", "foo"}}, []string{"bob foo 1-1"}, []string{"no right", "no right"}},
		"a rule about changes":    {[]sent{{"bob", "foo", "9-1", "banned"}, {"bob", "bar", "1-1", "bar"}, {"ann", "foo", "2-1", "foo"}}, []string{"bob bar 1-1", "ann foo 2-1"}, []string{"is forbidden"}},
		"unreadable, the same":    {[]sent{{"ann", "foo", "1-1", "?"}, {"bob", "foo", "1-1", "foo"}}, []string{"bob foo 1-1"}, []string{"not one that makepkg writes"}},
		"both good":               {[]sent{{"ann", "foo", "1-1", "foo"}, {"bob", "foo", "1-1", "foo"}, {"ann", "foo", "2-1", "foo"}}, []string{"ann foo 2-1"}, []string{"left out", "left out"}},
		"nobody may":              {[]sent{{"eve", "foo", "1-1", "foo"}, {"mal", "foo", "2-1", "foo"}}, nil, []string{"no right", "no right"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			var list []Source
			for _, s := range c.sent {
				file := s.name + "-" + s.version + "-any.pkg.tar.gz"
				text := strings.Replace(infoOf(s.name, s.version), "pkgbase = "+s.name, "pkgbase = "+s.base, 1) + "packager = " + s.who + "\n"
				_ = w.bring.Mkdir(s.who, 0o755) // or it is there
				must(vfs.CreateSynced(w.bring, s.who+"/"+file, 0o644, made(text)))
				list = append(list, Source{FS: w.bring, Path: s.who + "/" + file, Shown: s.who + "/" + file, Who: s.who, Alone: true})
			}
			out, err := w.run(w.Mem, Request{Add: list, Options: Options{
				Rights: func(who string, _ []access.Need) []report.Finding {
					if who == "eve" || who == "mal" {
						return []report.Finding{{Code: report.CodeRights, Severity: report.SeverityError, Message: "no right"}}
					}
					return nil
				},
				Required: func(*repo.Repo) ([]Named, error) {
					return []Named{{Name: "rules", Verifier: forbidding("banned")}}, nil
				},
			}})
			if err != nil || report.Refused(out.Findings) {
				t.Fatal(out, err)
			}
			var published []string
			if out.Generation > 0 {
				for _, change := range w.last().Changes {
					for _, p := range change.Packages {
						published = append(published, change.Who+" "+p.Name+" "+p.Version)
					}
				}
			}
			slices.Sort(published)
			slices.Sort(c.published)
			if !slices.Equal(published, c.published) || len(out.Settled) != len(c.published) {
				t.Errorf("published %q, %d settled", published, len(out.Settled))
			}
			for i, f := range out.Findings {
				if i >= len(c.left) || !strings.Contains(f.Message, c.left[i]) || f.Severity != report.SeverityWarning {
					t.Errorf("finding %d: %+v", i, f)
				}
			}
			if len(out.Findings) != len(c.left) {
				t.Errorf("%d findings", len(out.Findings))
			}
			if got := w.check(t, false); len(got) > 0 {
				t.Errorf("fsck finds %q", got)
			}
		})
	}
}

// A package that cannot be read, or that somebody else has taken meanwhile, holds up nobody
// either; one that was asked for by name does.
func TestAbsent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put("gone-1-1-any.pkg.tar.gz", nil)
	must(w.bring.Remove("gone-1-1-any.pkg.tar.gz"))
	must(w.bring.Symlink(beta, "link-1-1-any.pkg.tar.gz"))
	w.put("odd-1-1-any.pkg.tar.gz", made(infoOf("odd", "1-1")))
	must(w.bring.Mkdir("odd-1-1-any.pkg.tar.gz.sig", 0o755))
	names := []string{"gone-1-1-any.pkg.tar.gz", "link-1-1-any.pkg.tar.gz", "odd-1-1-any.pkg.tar.gz"}
	for _, name := range names {
		if _, err := add(name, beta)(w, w.Mem); err == nil || w.last().Number > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	list := w.sources(append(names, beta)...)
	for i := range list {
		list[i].Alone = true
	}
	out, err := w.run(w.Mem, Request{Add: list})
	if err != nil || out.Result != report.Published || len(out.Settled) != 1 || len(out.Findings) != 2 || report.Refused(out.Findings) {
		t.Errorf("%+v %v", out, err)
	}
}
