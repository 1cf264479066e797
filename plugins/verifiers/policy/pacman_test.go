package policy

import (
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

func TestPackages(t *testing.T) {
	t.Parallel()
	p := alpm.Arrived{Name: "foo-libs-1:2.3-1-any.pkg.tar.zst", Size: 2000, Package: &alpm.Package{
		DecodedSize: 9000, Info: alpm.Info{Name: "foo-libs", Base: "foo", Version: "1:2.3-1", Description: "text"},
	}}
	for settings, want := range map[string]string{
		``: "",
		`{"sources":{"allow":["foo"]},"packages":{"allow":["foo*"]}}`: "",
		`{"sources":{"deny":["f*"]}}`:                                 "NAME pkgbase",
		`{"packages":{"deny":["*-libs"]}}`:                            "NAME pkgname",
		`{"version":"1:[0-9.]+-[0-9]+"}`:                              "",
		`{"version":"[0-9.]+-[0-9]+"}`:                                "VERSION pkgver",
		`{"size":{"package":"1KiB","unpacked":"1KiB"}}`:               "SIZE package, SIZE unpacked",
		`{"fields":["description"]}`:                                  "",
		`{"fields":["depends","description"]}`:                        "FIELD depends",
	} {
		findings, err := verifier(t, settings).VerifyPackage(t.Context(), p)
		if got := said(t, findings, err); got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
	}
}

func TestChangesOfPackages(t *testing.T) {
	t.Parallel()
	change := func(a report.Action, source, was string, isNew bool) alpm.Change {
		return alpm.Change{Package: report.Package{Name: "foo", Version: "1-1", Action: a}, Source: source, Was: was, New: isNew}
	}
	all := map[string]alpm.Change{
		"downgrade": change(report.ActionDowngrade, "foo", "foo", false), "remove": change(report.ActionRemove, "foo", "foo", false),
		"take-over": change(report.ActionReplace, "foo", "other", false), "new": change(report.ActionAdd, "foo", "", true),
	}
	for rule := range all {
		v := verifier(t, `{"changes":[{"source":"*","forbid":["`+rule+`"]}]}`)
		for name, c := range all {
			findings, err := v.VerifyChanges(t.Context(), []alpm.Change{c})
			if refused := said(t, findings, err) != ""; refused != (name == rule) {
				t.Errorf("%s forbidden, %s: %v", rule, name, findings)
			}
		}
		if findings, err := v.VerifyChanges(t.Context(), []alpm.Change{change(report.ActionReplace, "foo", "foo", false)}); said(t, findings, err) != "" {
			t.Errorf("%s forbidden, an update: %v", rule, findings)
		}
	}
}
