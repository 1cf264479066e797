package stanza

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// clientRead reads a stanza by the rules of the real C client: the key ends at
// the LAST ':' of the first physical line, white space around it goes, and the
// continuation lines follow. A first line without a value hands its place to the
// next line, which then keeps its space. A key that comes out as something else
// is unknown to the client, and its value lost.
func clientRead(text []byte) map[string]string {
	const space = " \t\n\v\f\r"
	values := map[string]string{}
	for len(text) > 0 && text[0] != '\n' {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		colon := bytes.LastIndexByte(line, ':')
		key := strings.TrimRight(string(line[:colon]), space)
		lines := []string{strings.TrimLeft(string(line[colon+1:]), space)}
		for len(rest) > 0 && rest[0] == ' ' {
			line, rest, _ = bytes.Cut(rest, []byte("\n"))
			lines = append(lines, string(line))
		}
		if lines[0] == "" && len(lines) > 1 {
			lines = lines[1:]
		}
		value := lines[0]
		for _, line := range lines[1:] {
			if line == " ." {
				line = " \n"
			}
			value += line[1:]
		}
		values[key] = value
		text = rest
	}
	return values
}

// clientValue is what the client makes of the value that was written: one space
// in front if the first physical line could not hold any of it.
func clientValue(text []byte, value string) string {
	_, first, _ := strings.Cut(strings.SplitN(string(text), "\n", 2)[0], ":")
	if strings.TrimSpace(first) == "" && value != "" {
		return " " + value
	}
	return value
}

func TestClientReadsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := values().Draw(t, "value")
		text := AppendField(nil, "description", value, true)
		got, ok := clientRead(append(AppendField(text, "size", "1", false), '\n'))["description"]
		if want := clientValue(text, value); !ok || got != want {
			t.Fatalf("%q\nwritten as %q\nthe client reads %q", want, text, got)
		}
	})
}

// TestClientIsExactAlmostAlways holds the exception of clientValue small.
func TestClientIsExactAlmostAlways(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-z.]{1,60}`).Draw(t, "word") + rapid.SampledFrom([]string{" ", ": ", "\n"}).Draw(t, "sep") + values().Draw(t, "value")
		if !Representable(value) {
			t.Skip("not a value")
		}
		text := AppendField(nil, "description", value, true)
		if got := clientRead(text)["description"]; got != value {
			t.Fatalf("%q\nwritten as %q\nthe client reads %q", value, text, got)
		}
	})
}

func TestClientReadsDependencies(t *testing.T) {
	t.Parallel()
	text := AppendField(nil, "depends", "foo (>= 0:1), bar (= 1:2)", false)
	// The client strips each dependency of white space after it split the list.
	if got := strings.TrimSpace(clientRead(text)["depends"]); got != "foo (>= 0:1), bar (= 1:2)" {
		t.Errorf("the client reads %q", got)
	}
}

// TestClientLosesWhatTheReferenceWrote shows that clientRead tells the dangerous
// form, which the real tool wrote, from the safe one.
func TestClientLosesWhatTheReferenceWrote(t *testing.T) {
	t.Parallel()
	for s := NewScanner(bytes.NewReader(genuine(t, "binary-index.txt")["09-colon-1.0"])); s.Scan(); {
		if !bytes.HasPrefix(s.Text(), []byte("name: colon\n")) {
			continue
		}
		if _, ok := clientRead(s.Text())["description"]; ok {
			t.Errorf("the client finds a description in\n%s", s.Text())
		}
		if got := clientRead(rewrite(t, s.Text()))["description"]; got != "note: a description which has a colon: twice, then more" {
			t.Errorf("after writing it again the client reads %q", got)
		}
	}
}

// referenceRead reads one field by the rules of mmpack's own repository tool.
func referenceRead(text []byte) string {
	_, raw, _ := strings.Cut(string(text), ":")
	raw = strings.TrimRight(strings.TrimLeft(raw, " \t"), "\n")
	return strings.ReplaceAll(strings.ReplaceAll(raw, "\n .\n ", "\n"), "\n ", "")
}

func TestReferenceReadsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := values().Filter(func(v string) bool {
			return !strings.Contains(v, "\n\n") && !strings.Contains(v, "\n ") && !strings.HasSuffix(v, "\n")
		}).Draw(t, "value")
		text := AppendField(nil, "description", value, true)
		if got := referenceRead(text); got != value {
			t.Fatalf("%q\nwritten as %q\nthe reference reads %q", value, text, got)
		}
	})
}
