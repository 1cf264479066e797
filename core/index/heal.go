package index

import (
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/stanza"
)

// Heal tells whether b's Text is in a form that crashes or misleads the real client
// (0.7.9), and returns b in a form that it reads. All values stay, those of unknown
// keys too, and so do the bytes of every field that is not to blame. The dangerous
// forms:
//
//   - a ':' in the first physical line of description (the client finds no
//     description and crashes on install), depends or sysdepends (they are dropped);
//   - no description at all: crashes on install;
//   - lines that end in CRLF: the values are garbage.
//
// A stanza without Text, or one whose Text is damaged, is returned as it is.
func Heal(b Binary) (Binary, bool) {
	if !dangerous(b.Text) {
		return b, false
	}
	text := strings.ReplaceAll(b.Text, "\r\n", "\n")
	fields, err := stanza.Parse([]byte(text))
	if err != nil {
		return b, false
	}
	b.Text = rewrite(fields, fieldTexts(text))
	return b, true
}

// dangerous looks at the text only; see Heal.
func dangerous(text string) bool {
	if text == "" {
		return false
	}
	if strings.Contains(text, "\r\n") {
		return true
	}
	described := false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if needsFold(key) && strings.Contains(value, ":") {
			return true
		}
		described = described || key == keyDescription
	}
	return !described
}

// needsFold reports whether the client reads a value of that key that may hold a
// ':'.
func needsFold(key string) bool {
	return key == keyDescription || key == "depends" || key == "sysdepends"
}

// fieldTexts splits a stanza that Parse accepts into the texts of its fields.
func fieldTexts(text string) []string {
	var texts []string
	for line := range strings.Lines(text) {
		switch {
		case line == "\n":
			return texts
		case line[0] == ' ':
			texts[len(texts)-1] += line
		default:
			texts = append(texts, line)
		}
	}
	return texts
}

// rewrite puts the fields together again, the dangerous ones in their safe form.
func rewrite(fields []stanza.Field, texts []string) string {
	var out []byte
	missing := !slices.ContainsFunc(fields, func(f stanza.Field) bool { return f.Key == keyDescription })
	for i, f := range fields {
		if missing && isTail(f.Key) {
			out, missing = stanza.AppendField(out, keyDescription, "", true), false
		}
		first, _, _ := strings.Cut(texts[i], "\n")
		if needsFold(f.Key) && strings.Count(first, ":") > 1 {
			out = stanza.AppendField(out, f.Key, f.Value, f.Key == keyDescription)
		} else {
			out = append(out, strings.TrimSuffix(texts[i], "\n")+"\n"...)
		}
	}
	if missing {
		out = stanza.AppendField(out, keyDescription, "", true)
	}
	return string(append(out, '\n'))
}

// isTail reports whether mmpack writes the key after the description.
func isTail(key string) bool { return key == "filename" || key == "size" || key == "sha256" }
