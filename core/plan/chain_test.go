package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

var update = flag.Bool("update", false, "write the golden files of testdata/chain")

// Why a stanza of our own chain is not the reference's.
const (
	pooled = "published bytes never change: the rebuilt file stands in the pool"
	blank  = "the reference loses a blank line when it writes the description again"
	safe   = "the reference's form crashes the client on install"
	size   = "the reference took an upload with a wrong size, and moved the stanza to the end"
	pushed = "the reference moves what is there already to the end"
)

// difference says that those stanzas are not the reference's, and why. A source is
// written as "source-foo".
type difference struct{ names, why string }

type chainStep struct {
	step, upload string
	remove       index.Selector
	requests     Requests
	result       report.Result
	// text are the stanzas whose text differs, place those that stand elsewhere.
	text, place []difference
}

func chainSteps() []chainStep {
	foos := difference{"foo foo-debug foo-devel libfoo1 source-foo", pooled}
	left := difference{"libfoo1 source-foo", pooled}
	greets := difference{"greet greet-doc", blank}
	colon := difference{"colon", safe}
	wrong := difference{"colon source-colon", size}
	return []chainStep{
		{step: "01-foo-1.0.0", upload: "01-foo-1.0.0"},
		{step: "02-weather-data-2024.01", upload: "02-weather-data-2024.01"},
		{step: "03-greet-0.9.0", upload: "03-greet-0.9.0"},
		{step: "04-pytide-0.3.1", upload: "04-pytide-0.3.1", text: []difference{greets}},
		{step: "05-chain-3.2", upload: "05-chain-3.2", text: []difference{greets}},
		{step: "06-foo-1.1.0", upload: "06-foo-1.1.0", text: []difference{greets}},
		{step: "07-foo-1.1.0-rebuild", upload: "07-foo-1.1.0-rebuild", requests: Requests{Rebuild: true}, text: []difference{greets, foos}},
		{step: "08-greet-1.0.0", upload: "08-greet-1.0.0", text: []difference{foos}},
		{step: "09-colon-1.0", upload: "09-colon-1.0", text: []difference{greets, foos, colon}},
		{step: "10-foo-2.0.0", upload: "10-foo-2.0.0", text: []difference{greets, left, colon}},
		{step: "11-ghost-sysbell", upload: "11-ghost-sysbell", text: []difference{greets, left, colon}},
		{step: "14-remove-src-foo-1.1.0", remove: selector("foo", "1.1.0"), result: report.Removed,
			text: []difference{greets, wrong}, place: []difference{wrong}},
		{step: "15-remove-src-unknown", remove: selector("unknown", ""), result: report.Rejected,
			text: []difference{greets, wrong}, place: []difference{wrong}},
		{step: "16-readd-greet-1.0.0", upload: "08-greet-1.0.0", result: report.Unchanged,
			text: []difference{wrong}, place: []difference{wrong, {"greet greet-doc source-greet", pushed}}},
		{step: "17-downgrade-greet-0.9.0", upload: "03-greet-0.9.0", requests: Requests{Downgrade: true},
			text: []difference{wrong}, place: []difference{wrong}},
	}
}

// TestChain publishes the corpus into one repository of our own from its beginning.
func TestChain(t *testing.T) {
	t.Parallel()
	r := emptyRepository()
	for _, c := range chainSteps() {
		i := Intent{Remove: &c.remove}
		if c.upload != "" {
			a := readUpload(t, c.upload)
			a.Requests = c.requests
			i = Intent{Add: &a}
		}
		p, err := Run(r.view(t), i, func(string) Rules { return Rules{} }, r.taken)
		if err != nil {
			t.Fatal(err)
		}
		before := r.clone()
		r.apply(t, p)
		checkRetires(t, before, r, p)
		if want := c.result; want != "" && p.Result != want || want == "" && p.Result != report.Published {
			t.Errorf("%s: %s %v", c.step, p.Result, p.Findings)
		}
		golden(t, c.step+".binary-index.txt", r.binaries)
		golden(t, c.step+".source-index.txt", r.sources)
		golden(t, c.step+".plan.txt", tell(p))
		c.compare(t, r)
		for file, want := range filesOf(t, r) {
			if r.files[file] != want {
				t.Errorf("%s: %s is %+v, want %+v", c.step, file, r.files[file], want)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "chain", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readText(t, file); got != want {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// tell is a plan as text.
func tell(p Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.Result)
	for _, l := range p.Packages {
		fmt.Fprintf(&b, "%s %s %s %s", l.Kind, l.Name, l.Version, l.Action)
		if l.Previous != "" {
			fmt.Fprintf(&b, " (was %s)", l.Previous)
		}
		fmt.Fprintf(&b, " %s\n", l.File)
	}
	for _, f := range p.Puts {
		fmt.Fprintf(&b, "put %s %d %s\n", f.Path, f.Size, f.SHA256)
	}
	for _, f := range p.Retires {
		fmt.Fprintf(&b, "retire %s %d %s\n", f.Path, f.Size, f.SHA256)
	}
	for _, d := range p.Dropped {
		if d.Binary != nil {
			fmt.Fprintf(&b, "dropped %s %s before %q\n", d.Binary.Binary.Name, d.Binary.Binary.Version, d.Binary.Before)
		} else {
			fmt.Fprintf(&b, "dropped source %s %s before %q %q\n", d.Source.Source.Name, d.Source.Source.Version, d.Source.Before.Name, d.Source.Before.Version)
		}
	}
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "%s %s\n", f.Severity, f)
	}
	return b.String()
}

// compare holds the differences from the reference to those that the step lists.
func (c chainStep) compare(t *testing.T, r *repository) {
	t.Helper()
	ours, ourOrder := stanzasOf(t, r)
	theirs, theirOrder := stanzasOf(t, readState(t, c.step))
	var differ []string
	for _, name := range theirOrder {
		if ours[name] != theirs[name] {
			differ = append(differ, name)
		}
	}
	if want := listed(c.text); !sameSet(differ, want) || len(ours) != len(theirs) {
		t.Errorf("%s: other text than the reference: %v, listed are %v", c.step, differ, want)
	}
	moved := listed(c.place)
	if a, b := without(ourOrder, moved), without(theirOrder, moved); !slices.Equal(a, b) {
		t.Errorf("%s: order\n%v\nthe reference's\n%v", c.step, a, b)
	}
	for i := range moved {
		rest := slices.Delete(slices.Clone(moved), i, i+1)
		if slices.Equal(without(ourOrder, rest), without(theirOrder, rest)) {
			t.Errorf("%s: %s is listed and stands where it does in the reference", c.step, moved[i])
		}
	}
}

func stanzasOf(t *testing.T, r *repository) (texts map[string]string, order []string) {
	t.Helper()
	texts = map[string]string{}
	for _, b := range binariesOf(t, r.view(t)) {
		texts[b.Name] = b.Text
		order = append(order, b.Name)
	}
	for _, s := range sourcesOf(t, r.view(t)) {
		name := "source-" + s.Name
		if texts[name] != "" {
			name += "-" + s.Version
		}
		texts[name] = s.Text
		order = append(order, name)
	}
	return texts, order
}

func listed(list []difference) []string {
	var names []string
	for _, d := range list {
		names = append(names, strings.Fields(d.names)...)
	}
	return names
}

func without(list, names []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(names, s) })
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
