package index

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// clientPackage is what the real C client knows of one stanza: its fields by name,
// those of a key that it takes for another one under that name.
type clientPackage map[string]string

// clientIndex reads a binary index by the rules of the real C client; crash says
// what would end it.
func clientIndex(text string) (list []clientPackage, crash string) {
	for text != "" {
		var pkg clientPackage
		pkg, text = clientStanza(text)
		if pkg["name"] == "" {
			return list, "a stanza without a name"
		}
		if _, ok := pkg["description"]; !ok {
			return list, pkg["name"] + " has no description"
		}
		list = append(list, pkg)
		for strings.HasPrefix(text, "\n") {
			text = text[1:]
		}
	}
	return list, ""
}

func clientStanza(text string) (pkg clientPackage, rest string) {
	const space = " \t\n\v\f\r"
	pkg = clientPackage{}
	for {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if strings.Trim(line, space) == "" {
			return pkg, text
		}
		colon := strings.LastIndexByte(line, ':')
		value := strings.TrimLeft(line[colon+1:], space)
		for first := value == ""; strings.HasPrefix(text, " "); first = false {
			var more string
			more, text, _ = strings.Cut(text, "\n")
			switch {
			case first:
				value = more
			case more == " .":
				value += "\n"
			default:
				value += more[1:]
			}
		}
		pkg[strings.TrimRight(line[:max(colon, 0)], space)] = value
	}
}

// clientSources reads a source index by the client's rules: each line is split at
// its first ':'; what lacks a field, or has no size, is not seen.
func clientSources(text string) (list []Source) {
	var s Source
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			if s.Name != "" && s.Version != "" && s.Filename != "" && s.Size != 0 {
				list = append(list, s)
			}
			s = Source{}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		if to := s.field(key); to != nil {
			*to = strings.TrimSpace(value)
		} else if key == "size" {
			s.Size, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return list
}

// checkClient holds that the client reads what b says. A dependency list is stripped
// of white space, so that a value on a line of its own is exact there too.
func checkClient(t interface{ Fatalf(string, ...any) }, pkg clientPackage, b Binary) {
	for key, want := range map[string]string{
		"name": b.Name, "version": b.Version, "source": b.Source, "srcsha256": b.SrcSHA256, "ghost": b.Ghost,
		"sumsha256sums": b.SumSHA256Sums, "depends": b.Depends, "sysdepends": b.SysDepends,
		"description": b.Description, "filename": b.Filename, "size": formatSize(b.Size), "sha256": b.SHA256,
	} {
		got := pkg[key]
		if key == "depends" || key == "sysdepends" {
			got = strings.TrimLeft(got, " ")
		}
		if got != want {
			t.Fatalf("%s of %s: the client reads %q, we say %q", key, b.Name, got, want)
		}
	}
}

// TestClientReadsWhatIsWritten heals each genuine index, writes it, and reads it as
// the client does.
func TestClientReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, st := range steps(t) {
		s := mustView(t, string(st.binary), string(st.source))
		list, err := s.Dangerous()
		if err != nil {
			t.Fatal(err)
		}
		if _, crash := clientIndex(string(st.binary)); (crash != "") != (len(list) > 0) {
			t.Errorf("%s: the client crashes (%s), and %d stanzas are dangerous", st.name, crash, len(list))
		}
		var e Edit
		for _, b := range list {
			healed, _ := Heal(b)
			e.ReplaceBinaries = append(e.ReplaceBinaries, healed)
		}
		next, err := Apply(s, e)
		if err != nil {
			t.Fatal(err)
		}
		checkClientReads(t, next)
	}
}

func checkClientReads(t *testing.T, s *Snapshot) {
	t.Helper()
	text, src := written(t, s)
	packages, crash := clientIndex(string(text))
	if n, _ := s.Len(); crash != "" || len(packages) != n {
		t.Fatalf("the client reads %d packages of %d: %s", len(packages), n, crash)
	}
	for b, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		checkClient(t, packages[0], b)
		packages = packages[1:]
	}
	want, err := s.Sources(Selector{})
	if err != nil {
		t.Fatal(err)
	}
	got := clientSources(string(src))
	if len(got) != len(want) {
		t.Fatalf("the client reads %d sources of %d", len(got), len(want))
	}
	for i := range want {
		if want[i].Text = ""; got[i] != want[i] {
			t.Errorf("the client reads %+v, we say %+v", got[i], want[i])
		}
	}
}

// TestClientReadsNewPackages does the same with values that packages may have.
func TestClientReadsNewPackages(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[a-z0-9.]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"word", " ", ": ", "\n", "é", ".", "http://x", strings.Repeat("w", 70)}), 0, 40)
		b := Binary{
			Name: word.Draw(t, "name"), Version: word.Draw(t, "version"), Source: word.Draw(t, "source"),
			Depends:     strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"foo (= 1.0)", "bar (>= 0:1)"}), 0, 9).Draw(t, "depends"), ", "),
			Description: "A" + strings.Join(text.Draw(t, "description"), ""),
			Size:        rapid.Int64Min(1).Draw(t, "size"),
		}
		if b.Description = strings.ReplaceAll(b.Description+"\n", "\n.\n", "\n..\n"); strings.Contains(b.Description, "\n.\n") {
			t.Skip("not a value")
		}
		s, err := Apply(&Snapshot{}, Edit{AppendBinaries: []Binary{b}})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for text, err := range s.binaries.all() {
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(text)
		}
		packages, crash := clientIndex(out.String())
		if crash != "" || len(packages) != 1 {
			t.Fatalf("the client reads %d packages: %s", len(packages), crash)
		}
		if strings.HasPrefix(out.String()[strings.Index(out.String(), "description:"):], "description: \n") {
			b.Description = " " + b.Description // a first word that does not fit; see package stanza
		}
		checkClient(t, packages[0], b)
	})
}
