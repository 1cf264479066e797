package index

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/stanza"
)

const fullBinary = `name: foo
version: 1.0
source: foo-src
srcsha256: aa
ghost: false
sumsha256sums: bb
depends: bar (= 1.0)
sysdepends: libc6 (>= 2.34)
description: A toy.
filename: foo_1.0.mpk
size: 12
sha256: cc

`

func fullBinaryValues() Binary {
	return Binary{
		Name: "foo", Version: "1.0", Source: "foo-src", SrcSHA256: "aa", Ghost: "false", SumSHA256Sums: "bb",
		Depends: "bar (= 1.0)", SysDepends: "libc6 (>= 2.34)", Description: "A toy.",
		Filename: "foo_1.0.mpk", Size: 12, SHA256: "cc",
	}
}

func TestFormatBinary(t *testing.T) {
	t.Parallel()
	if got := FormatBinary(fullBinaryValues()); got != fullBinary {
		t.Errorf("got\n%s", got)
	}
	if got := FormatBinary(Binary{Name: "foo"}); got != "name: foo\ndescription:\n\n" {
		t.Errorf("empty fields are left out, but not the description: got\n%s", got)
	}
	got := FormatBinary(Binary{Name: "foo", Depends: "bar (>= 0:1)", SysDepends: "a (= 1:2), b", Description: "note: text"})
	want := "name: foo\ndepends:\n bar (>= 0:1)\nsysdepends:\n a (= 1:2), b\ndescription: note\n : text\n\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	long := strings.Repeat("bar (= 1.0), ", 20)
	if got := FormatBinary(Binary{Name: "foo", Depends: long}); !strings.Contains(got, "\ndepends: "+long+"\n") {
		t.Errorf("only the description is folded: got\n%s", got)
	}
}

func TestFormatSource(t *testing.T) {
	t.Parallel()
	s := Source{Name: "foo", Version: "1.0", Filename: "foo.tar.xz", Size: 12, SHA256: "cc"}
	if got := FormatSource(s); got != "name: foo\nfilename: foo.tar.xz\nsha256: cc\nsize: 12\nversion: 1.0\n\n" {
		t.Errorf("got\n%s", got)
	}
	s = Source{Name: "foo", Version: "0:1", Filename: "a\nname: evil\r\x00"}
	if got := FormatSource(s); got != "name: foo\nfilename: a name: evil  \nversion: 0:1\n\n" {
		t.Errorf("each field is one line: got\n%q", got)
	}
}

func TestParseBinary(t *testing.T) {
	t.Parallel()
	want := fullBinaryValues()
	want.Text = fullBinary
	for name, text := range map[string]string{
		"whole":                  fullBinary,
		"without its empty line": strings.TrimSuffix(fullBinary, "\n"),
		"without any newline":    strings.TrimRight(fullBinary, "\n"),
		"with more empty lines":  fullBinary + "\n\n",
	} {
		if got, err := ParseBinary(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	got, err := ParseBinary("size: 3\nx-new: 1\nname: foo\ndescription: a \n b\n\n")
	if err != nil || got.Name != "foo" || got.Size != 3 || got.Description != "a b" {
		t.Errorf("another order and unknown keys: %+v, %v", got, err)
	}
	got, err = ParseBinary("name: foo\r\nsize: 3\r\n\r\n")
	if err != nil || got.Name != "foo" || got.Size != 3 || got.Text != "name: foo\r\nsize: 3\r\n\n" {
		t.Errorf("CRLF: %+v, %v", got, err)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       "line 1",
		"version: 1\n":                           "no name",
		"name:\nversion: 1\n":                    "no name",
		"name: fo\xffo\n":                        "UTF-8",
		"name: foo\nsize: twelve\n":              `"twelve"`,
		"name: foo\nsize: -1\n":                  `"-1"`,
		"name: foo\nsize: +1\n":                  `"+1"`,
		"name: foo\nsize:\n":                     `""`,
		"name: foo\nsize: 9223372036854775808\n": "9223372036854775808",
		"name: foo\nname: foo\n":                 "line 2",
		"name: foo\n\nname: bar\n":               "line 2",
		"name: foo\na\rb: c\n":                   "line 2",
	} {
		_, err := ParseBinary(text)
		if !errors.Is(err, ErrStanza) || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseBinary(%q): %v, want %q", text, err, want)
		}
		_, err = ParseSource(text)
		if !errors.Is(err, ErrStanza) || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSource(%q): %v, want %q", text, err, want)
		}
	}
}

// fieldValues are what can come out of a package.
func fieldValues() *rapid.Generator[string] {
	part := rapid.SampledFrom([]string{"a", "word", " ", ":", ": ", "\n", ".", "é", "\t", strings.Repeat("w", 70)})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
	}).Filter(stanza.Representable)
}

func anyBinary() *rapid.Generator[Binary] {
	return rapid.Custom(func(t *rapid.T) Binary {
		v := fieldValues()
		return Binary{
			Name:    rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name"),
			Version: v.Draw(t, "version"), Source: rapid.SampledFrom([]string{"s", "t"}).Draw(t, "source"),
			SrcSHA256: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "srcsha256"), Ghost: v.Draw(t, "ghost"),
			Depends: v.Draw(t, "depends"), SysDepends: v.Draw(t, "sysdepends"), Description: v.Draw(t, "description"),
			Filename: rapid.SampledFrom([]string{"", "f", "g", "pool/f"}).Draw(t, "filename"),
			Size:     rapid.Int64Min(0).Draw(t, "size"), SHA256: v.Draw(t, "sha256"),
		}
	})
}

func TestFormattedBinaryReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBinary().Draw(t, "binary")
		text := FormatBinary(b)
		got, err := ParseBinary(text)
		want := b
		want.Text = text
		if err != nil || got != want {
			t.Fatalf("%+v\nwas written as\n%s\nand read as %+v, %v", b, text, got, err)
		}
		if dangerous(text) {
			t.Fatalf("what is written is dangerous:\n%s", text)
		}
	})
}

func TestJSON(t *testing.T) {
	t.Parallel()
	unknown, err := ParseBinary("name: foo\nx-new: 1 < 2 & \u2028\ndescription: é\n .\n b\n\n")
	if err != nil {
		t.Fatal(err)
	}
	latin, err := ParseBinary("name: foo\ndescription: caf\xe9\n\n")
	if err != nil {
		t.Fatal(err)
	}
	latinSource, err := ParseSource("name: foo\nversion: \xe9\n\n")
	if err != nil {
		t.Fatal(err)
	}
	fresh, freshSource := latin, latinSource
	fresh.Text, freshSource.Text = "", ""
	want := Edit{
		DropBinaries:    []string{"a", "b"},
		DropSources:     []SourceKey{{"a", "1", "cc"}},
		ReplaceBinaries: []Binary{fullBinaryValues(), unknown},
		InsertBinaries:  []InsertBinary{{"x", latin}, {Binary: fresh}},
		InsertSources:   []InsertSource{{SourceKey{"a", "1", "cc"}, latinSource}, {Source: freshSource}},
		AppendBinaries:  []Binary{{Name: "foo"}},
		AppendSources:   []Source{{Name: "foo", Size: 1 << 62}},
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Edit
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v\njson %s", got, err, want, data)
	}
	if err := json.Unmarshal([]byte(`{"append_binaries":[{"raw":"AAAA"}]}`), &got); !errors.Is(err, ErrStanza) {
		t.Errorf("a raw text that is no stanza: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"append_sources":[{"raw":"AAAA"}]}`), &got); !errors.Is(err, ErrStanza) {
		t.Errorf("a raw text that is no stanza: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"append_sources":[{"size":"x"}]}`), &got); err == nil {
		t.Error("a size that is text")
	}
}
