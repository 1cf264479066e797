package installable

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pkg is a stanza of "NAME VERSION: DEPENDS".
func pkg(text string) index.Binary {
	head, depends, _ := strings.Cut(text, ": ")
	name, version, _ := strings.Cut(head, " ")
	zeros := strings.Repeat("0", 64)
	return index.Binary{Name: name, Version: version, Depends: depends, Source: name, SrcSHA256: zeros, SumSHA256Sums: zeros, Ghost: "false",
		Description: "x", Filename: name + ".mpk", Size: 1, SHA256: fmt.Sprintf("%064x", len(text))}
}

func pkgs(texts []string) []index.Binary {
	var all []index.Binary
	for _, text := range texts {
		all = append(all, pkg(text))
	}
	return all
}

func indexOf(texts ...string) string {
	var b strings.Builder
	for _, p := range pkgs(texts) {
		b.WriteString(index.FormatBinary(p))
	}
	return b.String()
}

func view(t testing.TB, texts ...string) index.View {
	t.Helper()
	v, err := index.NewView([]byte(indexOf(texts...)), nil)
	check(t, err)
	return v
}

// adding is the plan of a publish: each takes the place of what has its name.
func adding(texts ...string) plan.Plan {
	p := plan.Plan{Edit: index.Edit{AppendBinaries: pkgs(texts)}}
	for _, b := range p.Edit.AppendBinaries {
		p.Edit.DropBinaries = append(p.Edit.DropBinaries, b.Name)
	}
	return p
}

func dropping(names ...string) plan.Plan { return plan.Plan{Edit: index.Edit{DropBinaries: names}} }

// base is a repository in a folder.
func base(t testing.TB, texts ...string) string {
	t.Helper()
	at := t.TempDir()
	f, err := os.Create(filepath.Join(at, index.BinaryFile))
	check(t, err)
	v, err := index.NewView([]byte(indexOf(texts...)), nil)
	check(t, err)
	_, err = v.WriteBinary(f)
	check(t, err)
	check(t, f.Close())
	check(t, os.WriteFile(filepath.Join(at, index.SourceFile), nil, 0o644))
	return at
}

func said(t testing.TB, v *Verifier, in index.View, p plan.Plan) string {
	t.Helper()
	findings, err := v.VerifyPlan(t.Context(), in, p)
	check(t, err)
	var list []string
	for _, f := range findings {
		if f.Code != report.CodeInstallable || !f.Refuses() || f.Hint == "" || f.File == "" {
			t.Errorf("incomplete: %+v", f)
		}
		list = append(list, strings.TrimSuffix(f.File, ".mpk")+" "+f.Expected+" | "+f.Actual)
	}
	return strings.Join(list, "; ")
}

func TestPlan(t *testing.T) {
	t.Parallel()
	there := []string{"lib 1.0", "app 1: lib (>= 1.0)", "exact 1: lib (= 1.0)", "below 1: lib (< 2.0)", "range 1: lib (>= 0.9), lib (< 1.5), other",
		"any 1: lib (>= any)", "broken 1: nothing", "also 1: lib (= 3), lib", "other 2"}
	for name, tt := range map[string]struct {
		plan plan.Plan
		want string
	}{
		"nothing":             {plan.Plan{}, ""},
		"new":                 {adding("new 1: lib (>= 1.0), other (= 2)"), ""},
		"new, nothing":        {adding("new 1: missing"), "new missing | no package missing"},
		"new, too old":        {adding("new 1: lib (>= 1.1)"), "new lib (>= 1.1) | lib 1.0"},
		"new, too new":        {adding("new 1: lib (< 0.9)"), "new lib (< 0.9) | lib 1.0"},
		"two bounds":          {adding("new 1: lib (>= 0.5), lib (< 0.9)"), "new lib (>= 0.5), lib (< 0.9) | lib 1.0"},
		"together":            {adding("new 1: friend (= 1)", "friend 1: new (= 1)"), ""},
		"on its own old self": {adding("other 3: other (= 2)"), "other other (= 2) | other 3"},
		"not readable":        {adding("new 1: lib (> 0.5)"), "new NAME, NAME (>= VERSION), NAME (= VERSION) or NAME (< VERSION) | lib (> 0.5)"},
		"upgrade":             {adding("lib 1.4"), "exact lib (= 1.0) | lib 1.4"},
		"the client's below":  {adding("lib 2.0"), "exact lib (= 1.0) | lib 2.0; range lib (>= 0.9), lib (< 1.5) | lib 2.0"},
		"beyond":              {adding("lib 2.0.1"), "exact lib (= 1.0) | lib 2.0.1; below lib (< 2.0) | lib 2.0.1; range lib (>= 0.9), lib (< 1.5) | lib 2.0.1"},
		"downgrade":           {adding("lib 0.9"), "app lib (>= 1.0) | lib 0.9; exact lib (= 1.0) | lib 0.9"},
		"upgraded with it":    {adding("lib 1.4", "exact 2: lib (= 1.4)"), ""},
		"both at once":        {adding("lib 1.4", "exact 2: lib (= 1.0)"), "exact lib (= 1.0) | lib 1.4"},
		"removed":             {dropping("other"), "range other | no package other"},
		"removed with it":     {dropping("other", "range"), ""},
		"removed, all of lib": {dropping("lib", "app", "exact", "below", "range"), "any lib | no package lib"},
		"was broken before":   {dropping("broken"), ""},
		"rebuild":             {adding("lib 1.0"), ""},
	} {
		v, err := New(nil)
		check(t, err)
		if got := said(t, v, view(t, there...), tt.plan); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, tt.want)
		}
	}
}

func TestBases(t *testing.T) {
	t.Parallel()
	v, err := New(fmt.Appendf(nil, `{"bases":[%q,%q],"ignore":["test-*"]}`, base(t, "lib 1.0", "libc 2"), base(t, "lib 3")))
	check(t, err)
	in := view(t, "lib 2.0", "app 1: lib (= 2.0)", "old 1: lib (< 2.0), lib (>= 1)")
	for name, tt := range map[string]struct {
		plan plan.Plan
		want string
	}{
		"there":     {adding("new 1: libc"), ""},
		"either":    {adding("new 1: lib (= 3), libc (>= 1)"), ""},
		"neither":   {adding("new 1: lib (= 4)"), "new lib (= 4) | lib 2.0, 1.0, 3"},
		"fall back": {dropping("lib"), "app lib (= 2.0) | lib 1.0, 3"},
		"ignored":   {adding("test-x 1: nothing"), ""},
	} {
		if got := said(t, v, in, tt.plan); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	// A base that is not there is no empty one.
	gone, err := New(fmt.Appendf(nil, `{"bases":[%q]}`, t.TempDir()))
	check(t, err)
	if _, err := gone.VerifyPlan(t.Context(), in, adding("new 1: libc")); report.CodeOf(err) != report.CodeSettings {
		t.Error(err)
	}
	if _, err := gone.VerifyPlan(t.Context(), in, adding("new 1: lib")); err != nil {
		t.Errorf("a base was opened that nobody needed: %v", err)
	}
}

func TestParseDepends(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "[]", " ": "[]", "a": "[a]", "a, b": "[a b]", "a (= 1),b(<2)": "[a (= 1) b (< 2)]", "a (>= 1), b, a (< 2)": "[a (>= 1), a (< 2) b]",
		"a (=1)": "[a (= 1)]", "a (= any)": "[a]", "a (>= 0:1~x+y)": "[a (>= 0:1~x+y)]",
		"a,": "[a] ", "a (== 1)": "[] a (== 1)", "a (1)": "[] a (1)", "a ()": "[] a ()", "a (= )": "[] a (= )", "a (= 1": "[] a (= 1", "a b": "[] a b",
		"a (= 1) x": "[] a (= 1) x", "(= 1)": "[] (= 1)", "a (= 1 2)": "[] a (= 1 2)", "a)": "[] a)", "a | b, c": "[c] a | b", "a (=< 1)": "[] a (=< 1)",
	} {
		needs, problem := parseDepends(text)
		got := fmt.Sprint(needs)
		if problem != "" {
			got += " " + problem
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzParseDepends(f *testing.F) {
	f.Add("greet (>= 0.9.0), weather-data")
	f.Add("a (< 1), a (>= any)")
	f.Fuzz(func(t *testing.T, text string) {
		needs, problem := parseDepends(text)
		if problem != "" {
			return
		}
		var parts []string
		for _, n := range needs {
			parts = append(parts, n.String())
		}
		again, problem := parseDepends(strings.Join(parts, ", "))
		if problem != "" || fmt.Sprint(again) != fmt.Sprint(needs) {
			t.Errorf("%q: %v, and then %v %s", text, needs, again, problem)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for text, say := range map[string]string{
		`{"base":[]}`: `"bases" may be meant`, `{"bases":["x"]}`: "absolute", `{"ignore":["[x"]}`: "ignore",
	} {
		if _, err := New([]byte(text)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A library that half of a large repository needs.
func large(tb testing.TB) index.View {
	texts := []string{"lib 1.0"}
	for i := range 100_000 {
		texts = append(texts, fmt.Sprintf("package-%06d 1.2.3: package-%06d (= 1.2.3), lib (>= 1.0)", i, i/2))
	}
	return view(tb, texts...)
}

func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an index of 100,000 packages")
	}
	t.Parallel()
	in := large(t)
	v, err := New(nil)
	check(t, err)
	start := time.Now()
	findings, err := v.VerifyPlan(t.Context(), in, adding("lib 0.9"))
	check(t, err)
	t.Logf("%d findings in %v", len(findings), time.Since(start))
	if len(findings) != 101 || !strings.Contains(findings[100].Message, "99900 more") {
		t.Error(len(findings), findings[len(findings)-1])
	}
}

func BenchmarkVerifyPlan(b *testing.B) {
	in := large(b)
	v, err := New(nil)
	check(b, err)
	for name, p := range map[string]plan.Plan{"new": adding("new 1: lib"), "upgrade": adding("lib 1.1")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := v.VerifyPlan(b.Context(), in, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
