package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// offence is one upload that breaks one rule on [published].
type offence struct {
	upload        Addition
	code          report.Code
	flag, setting string
	// about is the package that the finding and the line are about.
	about            string
	action           report.Action
	expected, actual string
	request          func(*Requests)
	permission       func(*Rules, Permission)
}

// published is foo 1.0 (foo, libfoo1), bar 2.0 (bar).
func published(t *testing.T) *repository {
	return emptyRepository().publish(t, upload("foo", "1.0", "foo", "libfoo1"), upload("bar", "2.0", "bar"))
}

func offences() map[string]offence {
	rebuild := func(o offence) offence {
		o.code, o.flag, o.setting = report.CodeConflict, "--rebuild", "rebuild"
		o.request = func(r *Requests) { r.Rebuild = true }
		o.permission = func(r *Rules, p Permission) { r.Rebuild = p }
		return o
	}
	old, again := upload("foo", "1.0", "foo", "libfoo1"), build("again", "foo", "1.0", "foo", "libfoo1")
	same := upload("foo", "1.0", "foo", "libfoo1")
	same.Binaries[0] = build("other bytes", "foo", "1.0", "foo").Binaries[0]
	same.Binaries[0].SrcSHA256 = same.Source.SHA256
	equal := upload("foo", "01.0", "foo", "libfoo1")
	return map[string]offence{
		"other tarball": rebuild(offence{upload: again, about: "foo", action: report.ActionRebuild,
			expected: old.Source.SHA256, actual: again.Source.SHA256}),
		"other package": rebuild(offence{upload: same, about: "foo", action: report.ActionRebuild,
			expected: old.Binaries[0].SHA256, actual: same.Binaries[0].SHA256}),
		"version that the client takes for the same": rebuild(offence{upload: equal, about: "foo", action: report.ActionRebuild,
			expected: old.Binaries[0].SHA256, actual: equal.Binaries[0].SHA256}),
		"package that vanishes": rebuild(offence{upload: upload("foo", "1.0", "foo"), about: "libfoo1", action: report.ActionRemove,
			expected: old.Binaries[1].SHA256}),
		"downgrade": {upload: upload("bar", "1.9", "bar"), about: "bar", action: report.ActionDowngrade,
			code: report.CodeDowngrade, flag: "--allow-downgrade", setting: "downgrade",
			expected: "2.0", actual: "1.9",
			request:    func(r *Requests) { r.Downgrade = true },
			permission: func(r *Rules, p Permission) { r.Downgrade = p }},
		"take-over": {upload: upload("baz", "3.0", "bar"), about: "bar", action: report.ActionReplace,
			code: report.CodeTakeOver, flag: "--take-over", setting: "take-over",
			expected: "bar", actual: "baz",
			request:    func(r *Requests) { r.TakeOver = true },
			permission: func(r *Rules, p Permission) { r.TakeOver = p }},
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	accepted := map[Permission]map[bool]bool{
		Ask:   {false: false, true: true},
		"":    {false: false, true: true},
		Allow: {false: true, true: true},
		Never: {false: false, true: false},
		"no":  {false: false, true: false},
	}
	for name, o := range offences() {
		for permission, byRequest := range accepted {
			for asked, want := range byRequest {
				t.Run(fmt.Sprintf("%s/%s/%t", name, permission, asked), func(t *testing.T) {
					t.Parallel()
					a := o.upload
					// What is asked for or permitted beside it must not matter.
					rules := Rules{Allow, Allow, Allow}
					if !want {
						a = a.asking()
					}
					a.Requests = withRequest(a.Requests, o, asked)
					o.permission(&rules, permission)
					p := published(t).plan(t, a, rules)
					if want {
						checkAccepted(t, p, o)
					} else {
						checkRefused(t, p, o, permission)
					}
				})
			}
		}
	}
}

// withRequest sets the request of the offence to asked and leaves the others.
func withRequest(r Requests, o offence, asked bool) Requests {
	var only Requests
	o.request(&only)
	return Requests{
		Rebuild:   r.Rebuild && !only.Rebuild || asked && only.Rebuild,
		Downgrade: r.Downgrade && !only.Downgrade || asked && only.Downgrade,
		TakeOver:  r.TakeOver && !only.TakeOver || asked && only.TakeOver,
	}
}

func checkAccepted(t *testing.T, p Plan, o offence) {
	t.Helper()
	if p.Result != report.Published || report.Refused(p.Findings) {
		t.Fatalf("%s %v", p.Result, p.Findings)
	}
	for _, f := range mustFind(t, p, report.CodeReplaced) {
		if f.Severity != report.SeverityWarning || f.Message == "" {
			t.Errorf("not a warning: %+v", f)
		}
		if !strings.Contains(f.Message, o.flag) && !strings.Contains(f.Message, "`"+o.setting+"`") {
			t.Errorf("%q does not say who let it through", f.Message)
		}
	}
	if l := line(t, p, report.Binary, o.about); l.Action != o.action {
		t.Errorf("%s is %s, want %s", o.about, l.Action, o.action)
	}
}

func checkRefused(t *testing.T, p Plan, o offence, permission Permission) {
	t.Helper()
	if p.Result != report.Rejected || !report.Refused(p.Findings) {
		t.Fatalf("%s %v", p.Result, p.Findings)
	}
	if !p.Edit.Empty() || p.Puts != nil || p.Retires != nil || p.Dropped != nil {
		t.Errorf("a refused plan does something: %+v", p)
	}
	if l := line(t, p, report.Binary, o.about); l.Action != o.action {
		t.Errorf("the line says %s, want what would happen: %s", l.Action, o.action)
	}
	found := mustFind(t, p, o.code)
	if !slices.ContainsFunc(found, func(f report.Finding) bool { return f.Expected == o.expected && f.Actual == o.actual }) {
		t.Errorf("no finding shows both sides: %+v", found)
	}
	for _, f := range found {
		if !strings.Contains(f.Hint, o.flag) || !strings.Contains(f.Hint, "`"+o.setting+"`") {
			t.Errorf("hint %q", f.Hint)
		}
		if helps := !strings.Contains(f.Hint, "does not help"); helps != (permission == Ask || permission == "") {
			t.Errorf("permission %q, hint %q", permission, f.Hint)
		}
		if f.File == "" || f.Message == "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestAllFindingsAtOnce(t *testing.T) {
	t.Parallel()
	r := published(t).publish(t, upload("deep", "5.0", "deep", "deep-doc", "deep-extra"))
	a := build("again", "deep", "5.0", "deep", "deep-doc", "foo", "bar")
	p := r.plan(t, a, Rules{})
	want := []string{
		"MP-CONFLICT deep_5.0_src.tar.xz", "MP-CONFLICT deep_5.0_amd64-debian.mpk", "MP-CONFLICT deep-doc_5.0_amd64-debian.mpk",
		"MP-TAKEOVER foo_5.0_amd64-debian.mpk", "MP-TAKEOVER bar_5.0_amd64-debian.mpk",
		"MP-CONFLICT deep_5.0_amd64-debian.mmpack-manifest",
	}
	var got []string
	for _, f := range p.Findings {
		got = append(got, string(f.Code)+" "+f.File)
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	a.Requests.Rebuild = true
	p = r.plan(t, a, Rules{})
	if p.Result != report.Rejected || len(p.Findings) != len(want) {
		t.Errorf("one request lets only its own kind through: %v", p.Findings)
	}
}

func TestNoRuleIsBroken(t *testing.T) {
	t.Parallel()
	older := upload("foo", "1.0.1", "libfoo1")
	wider := upload("foo", "1.0", "foo", "libfoo1", "foo-doc")
	newer := emptyRepository().publish(t, upload("foo", "1.0", "foo", "libfoo1"), upload("foo", "2.0", "foo", "libfoo2"))
	for name, c := range map[string]struct {
		on     *repository
		upload Addition
	}{
		"a fix for the library of an older source":   {newer, older},
		"a new package of a published source":        {published(t), wider},
		"a new version":                              {published(t), upload("foo", "1.1", "foo")},
		"a source of the same name with no packages": {published(t), upload("foo", "0.1", "foo-legacy")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := c.on.plan(t, c.upload, Rules{Never, Never, Never})
			if p.Result != report.Published || len(p.Findings) != 0 {
				t.Errorf("%s %v", p.Result, p.Findings)
			}
			c.on.clone().apply(t, p)
		})
	}
}

func TestDowngradeGoesOverTakeOver(t *testing.T) {
	t.Parallel()
	p := published(t).plan(t, upload("baz", "1.0", "bar").asking(), Rules{})
	if l := line(t, p, report.Binary, "bar"); l.Action != report.ActionDowngrade || l.Previous != "2.0" {
		t.Errorf("%+v", l)
	}
	mustFind(t, p, report.CodeReplaced)
	if len(p.Findings) != 2 {
		t.Errorf("%v", p.Findings)
	}
	p = published(t).plan(t, upload("baz", "2.0", "bar").asking(), Rules{})
	if l := line(t, p, report.Binary, "bar"); l.Action != report.ActionReplace {
		t.Errorf("taken over at the same version: %+v", l)
	}
}
