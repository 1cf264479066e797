//go:build unix

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// difference says that those stanzas are not the reference's, and why.
type difference struct{ names, why string }

// Why a stanza of our own chain is not the reference's.
const (
	pooled  = "published bytes never change: the rebuilt file stands in the pool"
	blank   = "the reference loses a blank line when it writes the description again"
	safe    = "the reference's form crashes the client on install"
	size    = "the reference took an upload with a wrong size, and moved the stanza to the end"
	pushed  = "the reference moves what is there already to the end"
	removed = "the reference dies of the removal"
)

// ownStep is what differs from the reference after a step of our own chain: stanzas
// whose text is another, that stand elsewhere, and that only the reference has.
type ownStep struct{ text, place, gone []difference }

func ownSteps() map[string]ownStep {
	foos := difference{"foo foo-debug foo-devel libfoo1 source-foo", pooled}
	left := difference{"libfoo1 source-foo", pooled}
	greets := difference{"greet greet-doc", blank}
	colon := difference{"colon", safe}
	wrong := difference{"colon source-colon", size}
	chain := difference{"chain chain-extra source-chain", removed}
	again := difference{"foo foo-debug foo-devel libfoo1 source-foo-1.1.0", pooled}
	later := ownStep{[]difference{greets, wrong, again}, []difference{wrong}, []difference{chain}}
	return map[string]ownStep{
		"04-pytide-0.3.1":                 {text: []difference{greets}},
		"05-chain-3.2":                    {text: []difference{greets}},
		"06-foo-1.1.0":                    {text: []difference{greets}},
		"07-foo-1.1.0-rebuild":            {text: []difference{greets, foos}},
		"08-greet-1.0.0":                  {text: []difference{foos}},
		"09-colon-1.0":                    {text: []difference{greets, foos, colon}},
		"10-foo-2.0.0":                    {text: []difference{greets, left, colon}},
		"11-ghost-sysbell":                {text: []difference{greets, left, colon}},
		"12-add-wrong-sha-mpk":            {text: []difference{greets, left, colon}},
		"13-add-wrong-size":               {text: []difference{greets, left, wrong}, place: []difference{wrong}},
		"14-remove-src-foo-1.1.0":         {text: []difference{greets, wrong}, place: []difference{wrong}},
		"15-remove-src-unknown":           {text: []difference{greets, wrong}, place: []difference{wrong}},
		"16-readd-greet-1.0.0":            {text: []difference{wrong}, place: []difference{wrong, {"greet greet-doc source-greet", pushed}}},
		"17-downgrade-greet-0.9.0":        {text: []difference{wrong}, place: []difference{wrong}},
		"18-batch-foo-1.0.0-then-1.1.0":   {text: []difference{greets, wrong}, place: []difference{wrong}},
		"19-batch-rollback-then-rebuild":  {text: []difference{greets, wrong, again}, place: []difference{wrong}},
		"20-batch-remove-src":             later,
		"21-batch-failed-add-then-commit": later,
		"22-remove-src-weather":           later,
	}
}

// TestStepsOnOneRepository plays all steps on one repository of our own, from its
// beginning. MMPUSH_GOLDEN=write writes the golden files anew.
func TestStepsOnOneRepository(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "repositories", "amd64-debian")
	var before folder
	var was published
	differences := ownSteps()
	for _, s := range steps() {
		answer, stderr := s.run(t, at)
		s.answered(t, answer, stderr)
		is, after := readPublished(t, at), readFolder(t, at)
		after.check(t, before, was, is)
		if err := whole(at); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		differences[s.name].compare(t, s.name, is)
		golden(t, s.name, tell(answer, is, after))
		before, was = after, is
	}
	mustBeAtRest(t, at)
}

// tell is all that a step left behind, as text.
func tell(answer string, p published, f folder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "== answer\n%s\n== binary index\n%s== source index\n%s== files\n", answer, p.binaries, p.sources)
	named := p.named()
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		state := "retired"
		if _, ok := named[name]; ok {
			state = "named"
		}
		fmt.Fprintf(&b, "%s %s %s\n", state, f.files[name], name)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "chain", name+".txt")
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := mustRead(t, file); got != want {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// compare holds the differences from the reference to those that are listed.
func (o ownStep) compare(t *testing.T, step string, is published) {
	t.Helper()
	ours, theirs := is.stanzas(), readExpected(t, step).stanzas()
	text, order := byName(ours)
	var other, gone []string
	for _, s := range theirs {
		switch mine, ok := text[s.name]; {
		case !ok:
			gone = append(gone, s.name)
		case mine != s.text:
			other = append(other, s.name)
		}
	}
	sameNames(t, step+": other text than the reference", other, names(o.text))
	sameNames(t, step+": only the reference has", gone, names(o.gone))
	_, reference := byName(theirs)
	reference = without(reference, gone)
	if len(order) != len(reference) {
		t.Errorf("%s: %v, the reference has %v", step, order, reference)
	}
	moved := names(o.place)
	if a, b := without(order, moved), without(reference, moved); !slices.Equal(a, b) {
		t.Errorf("%s: order\n%v\nthe reference's\n%v", step, a, b)
	}
	for i := range moved {
		rest := slices.Delete(slices.Clone(moved), i, i+1)
		if slices.Equal(without(order, rest), without(reference, rest)) {
			t.Errorf("%s: %s is listed and stands where it does in the reference", step, moved[i])
		}
	}
}

func byName(all []stanza) (text map[string]string, order []string) {
	text = map[string]string{}
	for _, s := range all {
		text[s.name] = s.text
		order = append(order, s.name)
	}
	return text, order
}

func names(list []difference) []string {
	var all []string
	for _, d := range list {
		all = append(all, strings.Fields(d.names)...)
	}
	return all
}

func without(list, names []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(names, s) })
}

func sameNames(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, listed are %v", what, got, want)
	}
}
