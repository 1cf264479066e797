package stanza

import (
	"fmt"
	"strings"
)

// maxFields is far above what any tool writes (twelve); it bounds the search for
// a repeated key.
const maxFields = 500

// Field is one field of a stanza. Value is unfolded: it may hold newlines.
type Field struct{ Key, Value string }

// SyntaxError says what is wrong with the text of one stanza.
type SyntaxError struct {
	// Line is counted from 1 at the start of the stanza.
	Line int
	// What is wrong, in one sentence without a final dot.
	What string
}

// Error names the line.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// Parse reads exactly one stanza, with or without the empty line that ends it,
// and returns its fields in the text's order. Nothing is trimmed. An error is a
// *[SyntaxError].
func Parse(text []byte) ([]Field, error) {
	fields, err := AppendFields(make([]Field, 0, 12), string(text))
	if err != nil {
		return nil, err
	}
	return fields, nil
}

// AppendFields is [Parse] for whoever reads many: the fields are appended to dst,
// and values that are not folded share the memory of text.
func AppendFields(dst []Field, text string) ([]Field, error) {
	if err := checkBytes(text); err != nil {
		return dst, err
	}
	fields := dst
	r := reader{rest: text, from: len(dst)}
	for r.rest != "" {
		line := r.next()
		if line == "" {
			return fields, r.checkEnd(len(fields))
		}
		f, err := r.field(line)
		if err != nil {
			return dst, err
		}
		if err := r.checkNew(fields[r.from:], f.Key); err != nil {
			return dst, err
		}
		f.Value = r.unfold(f.Value)
		fields = append(fields, f)
	}
	return fields, r.checkEnd(len(fields))
}

// checkBytes refuses what no reader of the format agrees on: a carriage return
// ends a line in mmpack's Python tools but not in its C client, and a NUL ends a
// string in C.
func checkBytes(text string) error {
	i := strings.IndexByte(text, '\r')
	if nul := strings.IndexByte(text, 0); nul >= 0 && (i < 0 || nul < i) {
		i = nul
	}
	if i < 0 {
		return nil
	}
	what := "a carriage return"
	if text[i] == 0 {
		what = "a NUL byte"
	}
	return &SyntaxError{1 + strings.Count(text[:i], "\n"), what + " is not allowed"}
}

// reader takes the lines of one stanza one by one.
type reader struct {
	rest string
	// line is the number of the line that next returned last.
	line int
	// from is the number of fields that belong to others.
	from int
}

func (r *reader) next() string {
	line, rest, _ := strings.Cut(r.rest, "\n")
	r.rest = rest
	r.line++
	return line
}

func (r *reader) fail(format string, args ...any) error {
	return &SyntaxError{r.line, fmt.Sprintf(format, args...)}
}

// field splits the first physical line of a field.
func (r *reader) field(line string) (Field, error) {
	if line[0] == ' ' {
		return Field{}, r.fail("a continuation line with no field before it")
	}
	key, value, ok := strings.Cut(line, ":")
	if !ok {
		return Field{}, r.fail("a line without ':': %s", quote(line))
	}
	if key == "" {
		return Field{}, r.fail("a line with no key before its ':'")
	}
	return Field{key, strings.TrimPrefix(value, " ")}, nil
}

func (r *reader) checkNew(fields []Field, key string) error {
	if len(fields) == maxFields {
		return r.fail("more than %d fields", maxFields)
	}
	for i := range fields {
		if fields[i].Key == key {
			return r.fail("the key %s stands here a second time", quote(key))
		}
	}
	return nil
}

// unfold adds the continuation lines that follow to the first line's value.
func (r *reader) unfold(first string) string {
	if r.rest == "" || r.rest[0] != ' ' {
		return first
	}
	var b strings.Builder
	b.WriteString(first)
	for r.rest != "" && r.rest[0] == ' ' {
		part := r.next()[1:]
		if part == "." {
			part = "\n"
		}
		b.WriteString(part)
	}
	return b.String()
}

// checkEnd is called after the last line, or after the first empty one.
func (r *reader) checkEnd(fields int) error {
	if strings.Trim(r.rest, "\n") != "" {
		return r.fail("an empty line inside the stanza")
	}
	if fields == r.from {
		r.line = 1
		return r.fail("a stanza without any field")
	}
	return nil
}

// quote shows foreign text in a message, cut where it is long.
func quote(s string) string {
	const limit = 60
	if len(s) > limit {
		return fmt.Sprintf("%.*q...", limit, s)
	}
	return fmt.Sprintf("%q", s)
}
