package stanza

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []Field
	}{
		{"one", "name: foo\n", []Field{{"name", "foo"}}},
		{"with its empty line", "name: foo\n\n", []Field{{"name", "foo"}}},
		{"several empty lines at the end", "name: foo\n\n\n", []Field{{"name", "foo"}}},
		{"no newline at the end", "name: foo\nsize: 1", []Field{{"name", "foo"}, {"size", "1"}}},
		{"first colon splits", "a: b: c\n", []Field{{"a", "b: c"}}},
		{"one space is dropped, not two", "a:  b \n", []Field{{"a", " b "}}},
		{"no space", "a:b\n", []Field{{"a", "b"}}},
		{"tab is data", "a:\tb\n", []Field{{"a", "\tb"}}},
		{"empty value", "a:\nb:\n", []Field{{"a", ""}, {"b", ""}}},
		{"folded", "a: one \n two\n", []Field{{"a", "one two"}}},
		{"folded twice, spaces kept", "a: one\n  two \n  \n three\n", []Field{{"a", "one two  three"}}},
		{"newline", "a: one\n .\n two\n", []Field{{"a", "one\ntwo"}}},
		{"newlines", "a: one\n .\n .\n two\n .\n", []Field{{"a", "one\n\ntwo\n"}}},
		{"a dot with more is text", "a: one\n . \n .x\n  .\n", []Field{{"a", "one. .x ."}}},
		{"a dot on the first line is text", "a: .\n", []Field{{"a", "."}}},
		{"a line of one space", "a: one\n \n two\n", []Field{{"a", "onetwo"}}},
		{"value on the continuation", "a:\n : x\n", []Field{{"a", ": x"}}},
		{"keys are not trimmed", "a : x\n", []Field{{"a ", "x"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(tt.text))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse(%q) = %q, %v; want %q", tt.text, got, err, tt.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		line       int
		what       string
	}{
		{"nothing", "", 1, "without any field"},
		{"only an empty line", "\n", 1, "without any field"},
		{"only empty lines", "\n\n", 1, "without any field"},
		{"empty line in front", "\nname: foo\n", 1, "empty line inside"},
		{"empty line inside", "name: foo\n\nsize: 1\n", 2, "empty line inside"},
		{"two stanzas", "name: foo\n\nname: foo\n\n", 2, "empty line inside"},
		{"no colon", "name: foo\nbar\n", 2, `without ':': "bar"`},
		{"a tab does not continue", "name: foo\n\tbar\n", 2, "without ':'"},
		{"no key", "name: foo\n: bar\n", 2, "no key"},
		{"continuation first", " name: foo\n", 1, "no field before"},
		{"twice", "name: foo\nsize: 1\n x\nname: foo\n", 4, `the key "name" stands here a second time`},
		{"carriage return", "name: foo\nsize: 1\r\n", 2, "carriage return"},
		{"carriage return in a continuation", "name: foo\n a\rb\n", 2, "carriage return"},
		{"NUL", "name: foo\n\na\x00\r", 3, "NUL"},
		{"too many", manyFields(maxFields + 1), maxFields + 1, "more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(tt.text))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line != tt.line || !strings.Contains(syntax.What, tt.what) {
				t.Errorf("Parse(%q) = %v; want line %d, %q", tt.text, err, tt.line, tt.what)
			}
		})
	}
	if _, err := Parse([]byte(manyFields(maxFields))); err != nil {
		t.Errorf("%d fields are allowed: %v", maxFields, err)
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("k", i+1) + ": v\n")
	}
	return b.String()
}

func TestSyntaxErrorIsShort(t *testing.T) {
	t.Parallel()
	_, err := Parse(bytes.Repeat([]byte("\x01é"), 1<<20))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("the message quotes too much: %.600v", err)
	}
}

func TestScanner(t *testing.T) {
	t.Parallel()
	type part struct {
		line int
		text string
	}
	tests := []struct {
		name, text string
		leading    bool
		want       []part
	}{
		{"empty", "", false, nil},
		{"only empty lines", "\n\n", true, nil},
		{"two", "a: 1\n\nb: 2\n\n", false, []part{{1, "a: 1\n\n"}, {3, "b: 2\n\n"}}},
		{"no empty line at the end", "a: 1\n\nb: 2\n", false, []part{{1, "a: 1\n\n"}, {3, "b: 2\n\n"}}},
		{"no newline at the end", "a: 1\n\nb: 2", false, []part{{1, "a: 1\n\n"}, {3, "b: 2\n\n"}}},
		{"several empty lines", "a: 1\n\n\n\nb: 2\n\n\n", false, []part{{1, "a: 1\n\n"}, {5, "b: 2\n\n"}}},
		{"white space between", "a: 1\n\n \n\t\nb: 2\n\n  ", false, []part{{1, "a: 1\n\n"}, {5, "b: 2\n\n"}}},
		{"empty line in front", "\na: 1\n\n", true, []part{{2, "a: 1\n\n"}}},
		{"white space in front", " \na: 1\n\n", true, []part{{2, "a: 1\n\n"}}},
		{"a line of one space is data", "a: 1\n \n b\n\n", false, []part{{1, "a: 1\n \n b\n\n"}}},
		{"CRLF", "a: 1\r\n\r\nb: 2\r\n\r\n", false, []part{{1, "a: 1\r\n\n"}, {3, "b: 2\r\n\n"}}},
		{"CR at the very end", "a: 1\n\r", false, []part{{1, "a: 1\n\n"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []part
			s := NewScanner(strings.NewReader(tt.text))
			for s.Scan() {
				got = append(got, part{s.Line(), string(s.Text())})
			}
			if s.Err() != nil || s.Scan() || s.LeadingBlank() != tt.leading || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, leading %v, error %v; want %v", got, s.LeadingBlank(), s.Err(), tt.want)
			}
		})
	}
}

func TestScannerLimits(t *testing.T) {
	t.Parallel()
	long := "a: " + strings.Repeat("x", MaxSize-5) + "\n"
	s := NewScanner(strings.NewReader("b: 1\n\n" + long + "\nc: 2\n\n"))
	n := 0
	for s.Scan() {
		n++
	}
	if n != 3 || s.Err() != nil {
		t.Errorf("a stanza of exactly the limit: %d stanzas, %v", n, s.Err())
	}
	s = NewScanner(strings.NewReader("b: 1\n\n" + long + " y\n\nc: 2\n\n"))
	if !s.Scan() || s.Scan() || !errors.Is(s.Err(), ErrTooLarge) || !strings.Contains(s.Err().Error(), "line 4") {
		t.Errorf("a stanza over the limit: %v", s.Err())
	}
	if s.Scan() {
		t.Error("it goes on after an error")
	}
}

func TestScannerReadError(t *testing.T) {
	t.Parallel()
	s := NewScanner(&failing{"a: 1\n\nb: 2\n"})
	if !s.Scan() || s.Scan() || !errors.Is(s.Err(), os.ErrDeadlineExceeded) {
		t.Errorf("a stanza that the disk did not give whole: %v", s.Err())
	}
}

type failing struct{ rest string }

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	if n == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return n, nil
}

// genuine returns the indexes that the real repository tool wrote, by step.
func genuine(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "mmpack", "expected", "*", pattern))
	if err != nil || len(names) != 22 {
		t.Fatalf("testdata has %d of 22 steps: %v", len(names), err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(filepath.Dir(name))] = b
	}
	return all
}

func FuzzParse(f *testing.F) {
	for _, text := range genuine(f, "binary-index.txt") {
		for s := NewScanner(bytes.NewReader(text)); s.Scan(); {
			f.Add(bytes.Clone(s.Text()))
		}
	}
	f.Add([]byte("a:\n .\n .\n : b\n\n"))
	f.Add([]byte("a " + strings.Repeat("b", 80) + ": ."))
	f.Fuzz(func(t *testing.T, text []byte) {
		fields, err := Parse(text)
		if err != nil {
			return
		}
		var out []byte
		for _, field := range fields {
			if !Representable(field.Value) {
				t.Errorf("Parse returned %q", field.Value)
			}
			out = AppendField(out, field.Key, field.Value, true)
		}
		again, err := Parse(out)
		if err != nil || !reflect.DeepEqual(again, fields) {
			t.Errorf("%q\nwas written as %q,\nread as %q, %v", fields, out, again, err)
		}
	})
}
