//go:build unix

package main

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"
)

// onReference is one step, played on the reference's own repository of the step
// before. Everything that differs from what the reference made of it is listed.
type onReference struct {
	before string
	// like is the step whose indexes ours equal, if it is not its own; why says so.
	like, why string
	// keeps are stanzas as another step has them: the reference loses a blank line of
	// their descriptions whenever it writes them again.
	keeps map[string]string
	// heals: the stanza of colon is written as the client can read it. The reference's
	// form crashes the client on install.
	heals bool
	// drops are stanzas that are not there.
	drops []string
	// orphans are files that the reference left though no index names them, and that
	// we never place: they were replaced within one change.
	orphans []string
	// lies: a size in the index is not that of the file, since the reference took
	// step 13's word for it.
	lies bool
}

func referenceTable() map[string]onReference {
	greet := func(step string) map[string]string { return map[string]string{"greet": step, "greet-doc": step} }
	foo100 := []string{"foo-debug_1.0.0_amd64-debian.mpk", "foo-devel_1.0.0_amd64-debian.mpk", "foo_1.0.0_amd64-debian.mpk",
		"foo_1.0.0_src.tar.xz", "libfoo1_1.0.0_amd64-debian.mpk"}
	return map[string]onReference{
		"01-foo-1.0.0":             {},
		"02-weather-data-2024.01":  {before: "01-foo-1.0.0"},
		"03-greet-0.9.0":           {before: "02-weather-data-2024.01"},
		"04-pytide-0.3.1":          {before: "03-greet-0.9.0", keeps: greet("03-greet-0.9.0")},
		"05-chain-3.2":             {before: "04-pytide-0.3.1"},
		"06-foo-1.1.0":             {before: "05-chain-3.2"},
		"07-foo-1.1.0-rebuild":     {before: "06-foo-1.1.0"},
		"08-greet-1.0.0":           {before: "07-foo-1.1.0-rebuild"},
		"09-colon-1.0":             {before: "08-greet-1.0.0", keeps: greet("08-greet-1.0.0"), heals: true},
		"10-foo-2.0.0":             {before: "09-colon-1.0", heals: true},
		"11-ghost-sysbell":         {before: "10-foo-2.0.0", heals: true},
		"12-add-wrong-sha-mpk":     {before: "11-ghost-sysbell"},
		"13-add-wrong-size":        {before: "12-add-wrong-sha-mpk", like: "12-add-wrong-sha-mpk", why: "a size that is not the file's is refused"},
		"14-remove-src-foo-1.1.0":  {before: "13-add-wrong-size", heals: true, lies: true},
		"15-remove-src-unknown":    {before: "14-remove-src-foo-1.1.0", lies: true},
		"16-readd-greet-1.0.0":     {before: "15-remove-src-unknown", like: "15-remove-src-unknown", why: "what is there already stays in its place; its damaged text is put right", keeps: greet("08-greet-1.0.0"), heals: true, lies: true},
		"17-downgrade-greet-0.9.0": {before: "16-readd-greet-1.0.0", heals: true, lies: true},
		"18-batch-foo-1.0.0-then-1.1.0": {before: "17-downgrade-greet-0.9.0", keeps: greet("17-downgrade-greet-0.9.0"), heals: true, lies: true,
			orphans: foo100},
		"19-batch-rollback-then-rebuild": {before: "18-batch-foo-1.0.0-then-1.1.0", heals: true, lies: true},
		"20-batch-remove-src": {before: "19-batch-rollback-then-rebuild", heals: true, lies: true,
			drops: []string{"chain", "chain-extra", "source-chain"}, why: "the reference dies of the removal"},
		"21-batch-failed-add-then-commit": {before: "20-batch-remove-src", lies: true},
		"22-remove-src-weather":           {before: "21-batch-failed-add-then-commit", heals: true, lies: true},
	}
}

// TestStepsOnTheReferencesRepositories: each step, on the repository that the
// reference had, gives what the reference made of it, but for what is listed.
func TestStepsOnTheReferencesRepositories(t *testing.T) {
	t.Parallel()
	table := referenceTable()
	for _, s := range steps() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c, ok := table[s.name]
			if !ok {
				t.Fatal("the step is not in the table")
			}
			at := rebuild(t, c.before)
			var before folder
			var was published
			if c.before != "" {
				before, was = readFolder(t, at), readPublished(t, at)
			}
			s.play(t, at)
			is := readPublished(t, at)
			want := c.want(t, s.name)
			if got := is.unpooled(); got.binaries != want.binaries || got.sources != want.sources {
				t.Errorf("binary index:\n%s\nwant\n%s\nsource index:\n%s\nwant\n%s", got.binaries, want.binaries, got.sources, want.sources)
			}
			after := readFolder(t, at)
			after.check(t, before, was, is)
			c.compareFolders(t, s.name, after, want)
			if err := whole(at); err != nil {
				t.Error(err)
			}
			if c.lies != strings.Contains(is.binaries, "\nsize: 12345\n") {
				t.Errorf("a wrong size is there: %t", !c.lies)
			}
			mustBeAtRest(t, at)
		})
	}
}

func (s step) play(t *testing.T, at string) {
	t.Helper()
	answer, stderr := s.run(t, at)
	s.answered(t, answer, stderr)
}

// want is what the reference wrote, but for what is listed.
func (c onReference) want(t *testing.T, step string) published {
	t.Helper()
	p := readExpected(t, cmp.Or(c.like, step))
	replace := func(old, with string) {
		changed := published{strings.Replace(p.binaries, old, with, 1), strings.Replace(p.sources, old, with, 1)}
		if changed == p {
			t.Errorf("a listed difference is none: %q", old)
		}
		p = changed
	}
	for name, from := range c.keeps {
		replace(p.stanza(t, name), readExpected(t, from).stanza(t, name))
	}
	for _, name := range c.drops {
		replace(p.stanza(t, name), "")
	}
	if c.heals {
		replace("description: note: a", "description: note\n : a")
	}
	return p
}

func readExpected(t *testing.T, step string) published {
	t.Helper()
	dir := filepath.Join(corpus, "expected", step)
	return published{mustRead(t, filepath.Join(dir, "binary-index.txt")), mustRead(t, filepath.Join(dir, "source-index"))}
}

// compareFolders: the reference's folder has what is named, and its listed orphans;
// ours has them only if they were there before.
func (c onReference) compareFolders(t *testing.T, step string, after folder, want published) {
	t.Helper()
	theirs := referenceFiles(t, cmp.Or(c.like, step))
	named := want.named()
	for name, sum := range named {
		if theirs[name] != sum {
			t.Errorf("the reference has %s as %q, named is %s", name, theirs[name], sum)
		}
		delete(theirs, name)
	}
	for _, name := range c.orphans {
		if theirs[name] == "" || after.files[name] != "" {
			t.Errorf("%s: with the reference %q, with us %q", name, theirs[name], after.files[name])
		}
		delete(theirs, name)
	}
	var old map[string]string
	if c.before != "" {
		old = referenceFiles(t, c.before)
	}
	for name, sum := range theirs {
		if old[name] != sum {
			t.Errorf("the reference has placed %s, which nothing names", name)
		}
	}
}
