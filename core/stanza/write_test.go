package stanza

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAppendField(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, key, value string
		fold             bool
		want             string
	}{
		{"plain", "name", "foo", false, "name: foo\n"},
		{"empty", "description", "", true, "description:\n"},
		{"80 fit", "description", x(30) + " " + x(36), true, "description: " + x(30) + " " + x(36) + "\n"},
		{"81 do not", "description", x(30) + " " + x(37), true, "description: " + x(30) + " \n " + x(37) + "\n"},
		{"code points, not bytes", "description", x(30) + " " + strings.Repeat("é", 36), true,
			"description: " + x(30) + " " + strings.Repeat("é", 36) + "\n"},
		{"space is the 80th", "description", x(66) + " y", true, "description: " + x(66) + " \n y\n"},
		{"long first word", "description", x(68), true, "description: \n " + x(68) + "\n"},
		{"no space in 80, then one", "description", x(90) + " y", true, "description: \n " + x(90) + " \n y\n"},
		{"word of exactly 80", "description", x(80) + " yy", true, "description: \n " + x(80) + " \n yy\n"},
		{"empty rest", "description", x(80) + " ", true, "description: \n " + x(80) + " \n \n"},
		{"rest has no own space in its measure", "description", x(60) + " " + x(80), true,
			"description: " + x(60) + " \n " + x(80) + "\n"},
		{"newline", "description", "a\nb", true, "description: a\n .\n b\n"},
		{"blank line", "description", "a\n\nb", true, "description: a\n .\n .\n b\n"},
		{"newline at the end", "description", "a\n", true, "description: a\n .\n"},
		{"line after a newline is measured with its space", "description", "a\n" + x(40) + " " + x(39), true,
			"description: a\n .\n " + x(40) + " \n " + x(39) + "\n"},
		{"long word after a newline", "description", "a\n" + x(80), true, "description: a\n .\n \n " + x(80) + "\n"},
		{"79 after a newline fit", "description", "a\n" + x(79), true, "description: a\n .\n " + x(79) + "\n"},
		{"spaces are data", "description", "a  \n  b ", true, "description: a  \n .\n   b \n"},
		{"colon", "description", "note: text", true, "description: note\n : text\n"},
		{"second colon stays in the rest", "description", "note: a: b", true, "description: note\n : a: b\n"},
		{"colon after the fold", "description", x(60) + " yyyyyyyy: z", true, "description: " + x(60) + " \n yyyyyyyy: z\n"},
		{"colon before the fold", "description", "a: " + x(60) + " yyyyyyyy", true, "description: a\n : " + x(60) + " yyyyyyyy\n"},
		{"colon first", "description", ": a", true, "description:\n : a\n"},
		{"space first", "description", " a", true, "description:\n  a\n"},
		{"tab first", "description", "\ta", true, "description:\n \ta\n"},
		{"newline first", "description", "\na", true, "description:\n \n .\n a\n"},
		{"colon after a newline", "description", "a\nb: c", true, "description: a\n .\n b: c\n"},
		{"the rest would be a dot", "description", x(60) + " " + x(6) + " .", true,
			"description: " + x(60) + " \n " + x(6) + " .\n"},
		{"the rest would be a dot, no other space", "description", "a\n" + x(79) + " .", true,
			"description: a\n .\n \n " + x(79) + " .\n"},
		{"never cut before a dot", "description", ":" + x(79) + " .", true, "description:\n :" + x(79) + " .\n"},
		{"not folded", "depends", x(50) + ", " + x(50), false, "depends: " + x(50) + ", " + x(50) + "\n"},
		{"not folded, colon", "depends", "foo (>= 0:1), bar", false, "depends:\n foo (>= 0:1), bar\n"},
		{"not folded, colon and long", "depends", x(90) + " (>= 0:1), bar", false, "depends:\n " + x(90) + " (>= 0:1), bar\n"},
		{"not folded, newline", "depends", "a\nb", false, "depends: a\n .\n b\n"},
		{"carriage return and NUL stay inside", "name", "a\r\nb\x00c", false, "name: a \n .\n b c\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendField(nil, tt.key, tt.value, tt.fold)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestAppendFieldAppends(t *testing.T) {
	t.Parallel()
	got := AppendField([]byte("a: 1\n"), "b", "2", false)
	if string(got) != "a: 1\nb: 2\n" {
		t.Errorf("got %q", got)
	}
}

func TestRepresentable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"": true, "a": true, ".": true, ".\na": true, "a\n.b": true, "a\n. ": true, "a\n": true, "\n\n": true,
		"a\n.": false, "a\n.\nb": false, "\n.": false, "a\rb": false, "a\x00": false,
	} {
		if got := Representable(value); got != want {
			t.Errorf("Representable(%q) = %v", value, got)
		}
	}
}

// values draws text that leans on what the writer has rules for.
func values() *rapid.Generator[string] {
	word := rapid.OneOf(
		rapid.SampledFrom([]string{" ", " ", "  ", ".", " .", "\n", "\n\n", ":", ": ", "\t", ",", "é", "東", "\xff"}),
		rapid.StringMatching(`[a-z]{1,12}`),
		rapid.StringMatching(`[a-z]{60,90}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 0, 40).Draw(t, "words"), "")
	}).Filter(Representable)
}

func TestWrittenValuesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value, fold := values().Draw(t, "value"), rapid.Bool().Draw(t, "fold")
		key := rapid.SampledFrom([]string{"description", "depends", "d", strings.Repeat("k", 90)}).Draw(t, "key")
		text := AppendField(nil, key, value, fold)

		fields, err := Parse(text)
		if err != nil || len(fields) != 1 || fields[0] != (Field{key, value}) {
			t.Fatalf("%q was written as %q, read as %q, %v", value, text, fields, err)
		}
		if again := AppendField(nil, key, fields[0].Value, fold); !bytes.Equal(again, text) {
			t.Fatalf("written as %q, then as %q", text, again)
		}
		first, rest, _ := strings.Cut(string(text), "\n")
		if strings.Contains(first[len(key)+1:], ":") {
			t.Fatalf("the first line has a second ':': %q", first)
		}
		if !fold && !strings.Contains(value, "\n") && strings.Count(rest, "\n") > 1 {
			t.Fatalf("folded although nobody asked: %q", text)
		}
		checkWidth(t, string(text), fold)
	})
}

// checkWidth holds that a line is over the width only where no space could have
// made it shorter.
func checkWidth(t *rapid.T, text string, fold bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !fold || utf8.RuneCountInString(line) <= width+1 {
			continue
		}
		head := string([]rune(line)[1:width])
		if strings.Contains(head, " ") && !strings.HasSuffix(line, " .") {
			t.Fatalf("a line of %d code points could be folded: %q", utf8.RuneCountInString(line), line)
		}
	}
}

func TestUnrepresentableValuesStayInside(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(rapid.SampledFrom([]rune("a.: \n\r\x00"))).Draw(t, "value")
		text := AppendField([]byte("name: foo\n"), "description", value, rapid.Bool().Draw(t, "fold"))
		fields, err := Parse(AppendField(text, "size", "1", false))
		if err != nil || len(fields) != 3 || fields[2] != (Field{"size", "1"}) {
			t.Fatalf("%q got out of its field: %q, %v", value, fields, err)
		}
	})
}

// TestGenuineStanzas writes every stanza of the real tool's indexes again. Only
// the package colon may differ: its first line is the form that crashes the real
// client.
func TestGenuineStanzas(t *testing.T) {
	t.Parallel()
	healed := 0
	for step, text := range genuine(t, "binary-index.txt") {
		for s := NewScanner(bytes.NewReader(text)); s.Scan(); {
			got := rewrite(t, s.Text())
			if bytes.Equal(got, s.Text()) {
				continue
			}
			if !bytes.HasPrefix(s.Text(), []byte("name: colon\n")) {
				t.Errorf("%s:%d: was\n%s\nis\n%s", step, s.Line(), s.Text(), got)
			}
			healed++
		}
	}
	if healed == 0 {
		t.Error("no stanza of the package colon was there")
	}
}

func rewrite(t *testing.T, text []byte) []byte {
	t.Helper()
	fields, err := Parse(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var out []byte
	for _, f := range fields {
		out = AppendField(out, f.Key, f.Value, f.Key == "description")
	}
	return append(out, '\n')
}
