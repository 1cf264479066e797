package plan

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

func TestAddProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := drawRepository(t)
		a := drawUpload(t).asking()
		p := before.plan(t, a, Rules{})
		if !reflect.DeepEqual(p, before.plan(t, a, Rules{})) {
			t.Fatal("the same input gives another plan")
		}
		if p.Result == report.Rejected {
			t.Fatalf("refused: %v", p.Findings)
		}
		after := before.clone()
		after.apply(t, p)
		checkPublished(t, before, after, p, a)
		checkOthers(t, before, after, p, a)
		checkSources(t, before, after)
		checkFiles(t, before, after, p)
		checkUndo(t, before, after, p)
		if p := after.plan(t, a, Rules{}); p.Result != report.Unchanged || !p.Edit.Empty() || p.Puts != nil {
			t.Fatalf("again: %s %v", p.Result, p.Findings)
		}
	})
}

// checkPublished: all of the upload is there, once, and its files with it.
func checkPublished(t *rapid.T, before, after *repository, p Plan, a Addition) {
	v := after.view(t)
	got := map[string]index.Binary{}
	for _, b := range binariesOf(t, v) {
		if _, twice := got[b.Name]; twice {
			t.Fatalf("%s stands there twice", b.Name)
		}
		got[b.Name] = b
	}
	for _, b := range a.Binaries {
		is := got[b.Name]
		if is.Filename != b.Filename && is.Filename != "pool/"+b.SHA256+"/"+b.Filename {
			t.Fatalf("%s is at %s", b.Name, is.Filename)
		}
		if at := after.files[is.Filename]; at != (Taken{true, b.Size, b.SHA256}) {
			t.Fatalf("%s: the file is %+v", b.Name, at)
		}
		if b.Filename = is.Filename; !sameValues(is, b) {
			t.Fatalf("%+v, want %+v", is, b)
		}
	}
	sources, err := v.Sources(index.Selector{Name: a.Source.Name, Version: a.Source.Version})
	if err != nil || len(sources) != 1 || sources[0].SHA256 != a.Source.SHA256 {
		t.Fatalf("sources %+v %v", sources, err)
	}
	if at := after.files[sources[0].Filename]; at != (Taken{true, a.Source.Size, a.Source.SHA256}) {
		t.Fatalf("the tarball is %+v", at)
	}
	if p.Result == report.Unchanged && !reflect.DeepEqual(before, after) {
		t.Fatal("unchanged, and something changed")
	}
}

// checkOthers works out by itself what has to be left of the index.
func checkOthers(t *rapid.T, before, after *repository, p Plan, a Addition) {
	goes := map[string]bool{}
	for _, b := range a.Binaries {
		goes[b.Name] = true
	}
	for _, s := range sourcesOf(t, before.view(t)) {
		for _, b := range binariesOf(t, before.view(t)) {
			if s.Name == a.Source.Name && s.Version == a.Source.Version && b.Source == s.Name && b.SrcSHA256 == s.SHA256 {
				goes[b.Name] = true
			}
		}
	}
	var want, got strings.Builder
	for _, b := range binariesOf(t, before.view(t)) {
		if safe, _ := index.Heal(b); !goes[b.Name] && !p.Edit.Empty() {
			want.WriteString(safe.Text)
		} else if !goes[b.Name] {
			want.WriteString(b.Text)
		}
	}
	for _, b := range binariesOf(t, after.view(t)) {
		if !goes[b.Name] {
			got.WriteString(b.Text)
		}
	}
	if got.String() != want.String() {
		t.Fatalf("the others:\n%s\nwant\n%s", got.String(), want.String())
	}
	if p.Result == report.Published && !strings.HasPrefix(after.binaries, want.String()) {
		t.Fatalf("new stanzas are not at the end:\n%s", after.binaries)
	}
}

// checkSources: none without a binary but those that had none before; none is lost that
// has one.
func checkSources(t tb, before, after *repository) {
	t.Helper()
	count := func(r *repository, s index.Source) int {
		of, err := r.view(t).BinariesOf(s.Name, s.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return len(of)
	}
	kept := map[index.SourceKey]string{}
	for _, s := range sourcesOf(t, after.view(t)) {
		kept[s.Key()] = s.Text
		if count(after, s) == 0 && (count(before, s) > 0 || !strings.Contains(before.sources, s.Text)) {
			t.Fatalf("%s %s has no binary", s.Name, s.Version)
		}
	}
	for _, s := range sourcesOf(t, before.view(t)) {
		if _, ok := kept[s.Key()]; !ok && count(after, s) > 0 {
			t.Fatalf("%s %s is gone and has binaries", s.Name, s.Version)
		}
	}
}

// checkFiles: published bytes never change, and what is retired is named nowhere.
func checkFiles(t tb, before, after *repository, p Plan) {
	t.Helper()
	checkRetires(t, before, after, p)
	named := filesOf(t, before)
	for _, f := range p.Puts {
		is := Taken{true, f.Size, f.SHA256}
		if before.files[f.Path] == is {
			t.Fatalf("%s is there and placed again", f.Path)
		}
		if want, ok := named[f.Path]; ok && want.SHA256 != is.SHA256 {
			t.Fatalf("%s is placed where other bytes are published", f.Path)
		}
		if before.files[f.Path].Exists && !strings.HasPrefix(f.Path, "pool/") && named[f.Path].SHA256 != is.SHA256 {
			t.Fatalf("%s is written over", f.Path)
		}
	}
}

// checkUndo: what was dropped gives back the text before, but for what was healed.
func checkUndo(t tb, before, after *repository, p Plan) {
	t.Helper()
	dropped := map[string]bool{}
	for _, d := range p.Dropped {
		if d.Binary != nil {
			dropped[d.Binary.Binary.Name] = true
		}
	}
	var want strings.Builder
	for _, b := range binariesOf(t, before.view(t)) {
		if safe, _ := index.Heal(b); !dropped[b.Name] && !p.Edit.Empty() {
			b = safe
		}
		want.WriteString(b.Text)
	}
	undone := after.clone()
	undone.edit(t, undoing(p))
	if undone.binaries != want.String() || undone.sources != before.sources {
		t.Fatalf("undone:\n%s%s\nwant\n%s%s", undone.binaries, undone.sources, want.String(), before.sources)
	}
}

func TestRemoveProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := drawRepository(t)
		a := drawUpload(t)
		sel := rapid.SampledFrom([]index.Selector{
			{Name: a.Source.Name}, {Version: a.Source.Version}, {SHA256: a.Source.SHA256}, selector(a.Source.Name, a.Source.Version),
		}).Draw(t, "selector")
		p, err := Remove(before.view(t), sel)
		if err != nil {
			t.Fatal(err)
		}
		after := before.clone()
		after.apply(t, p)
		checkSources(t, before, after)
		checkFiles(t, before, after, p)
		checkUndo(t, before, after, p)
		left, err := after.view(t).Sources(sel)
		if err != nil || len(left) > 0 || !maps.Equal(before.files, after.files) {
			t.Fatalf("left %v %v", left, err)
		}
		if p, err = Remove(after.view(t), sel); err != nil || p.Result != report.Rejected {
			t.Fatalf("again: %s %v", p.Result, err)
		}
	})
}

// TestIntentSurvivesTheJournal: what recovery reads back plans the same.
func TestIntentSurvivesTheJournal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRepository(t)
		a := drawUpload(t).asking()
		sel := selector(a.Source.Name, "")
		for _, i := range []Intent{{Add: &a}, {Remove: &sel}} {
			text, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			var back Intent
			if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(i, back) {
				t.Fatalf("%v\n%+v\n%+v", err, i, back)
			}
			p, err := Run(r.view(t), back, func(string) Rules { return Rules{} }, r.taken)
			if err != nil {
				t.Fatal(err)
			}
			var edit index.Edit
			if text, err = json.Marshal(p.Edit); err == nil {
				err = json.Unmarshal(text, &edit)
			}
			if err != nil || !reflect.DeepEqual(edit, p.Edit) {
				t.Fatalf("%v\n%+v\n%+v", err, edit, p.Edit)
			}
		}
	})
}

// TestPlansStack: an upload planned on the result of another one, before anything is
// done, is planned as if the other were there.
func TestPlansStack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRepository(t)
		first, second := drawUpload(t).asking(), drawUpload(t).asking()
		p := r.plan(t, first, Rules{})
		stacked, err := index.Apply(r.view(t), p.Edit)
		if err != nil {
			t.Fatal(err)
		}
		taken := func(path string) (Taken, error) {
			if i := slices.IndexFunc(p.Puts, func(f File) bool { return f.Path == path }); i >= 0 {
				return Taken{true, p.Puts[i].Size, p.Puts[i].SHA256}, nil
			}
			return r.taken(path)
		}
		got, err := Add(stacked, second, Rules{}, taken)
		if err != nil {
			t.Fatal(err)
		}
		r.apply(t, p)
		if want := r.plan(t, second, Rules{}); !reflect.DeepEqual(got, want) {
			t.Fatalf("stacked:\n%+v\nwant\n%+v", got, want)
		}
	})
}
