package yamlfile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line is from 1; 0 if it is about the whole file.
	Line int
	// Key is the path of the key, such as "targets.prod.to"; it may be empty.
	Key string
	// Message says what is wrong, and what is expected.
	Message string
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	return b.String() + p.Message
}

// Problems are everything that is wrong with a file, a line each.
type Problems []Problem

// Error implements error.
func (p Problems) Error() string {
	var lines []string
	for _, one := range p {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what one file can make of a message.
const maxProblems = 20

// Reader collects what is wrong while a tree is read, so that everything is told at
// once.
type Reader struct{ problems Problems }

// Wrong adds a problem with the value of a key.
func (r *Reader) Wrong(line int, key, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{line, key, fmt.Sprintf(format, args...)})
	}
}

// Err is what is wrong, in the order of the lines; nil if nothing is.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return r.problems
}

// Key is a key that a mapping may have, and what reads its value.
type Key struct {
	Name string
	// Read gets the value and its path for messages.
	Read func(v Value, path string)
}

// Read reads a file whose content is a mapping with these keys; an empty file has
// none. The error is [Problems].
func (r *Reader) Read(text []byte, keys ...Key) error {
	root, err := parse(text)
	if err != nil {
		return err
	}
	r.Mapping(root, "", keys...)
	return r.Err()
}

// Mapping reads a mapping with known keys. What has no value is left alone.
func (r *Reader) Mapping(v Value, path string, keys ...Key) {
	if v.Kind == Nothing {
		return
	}
	if v.Kind != Mapping {
		r.Wrong(v.Line, path, "is %s; expected a mapping with %s", v.describe(), strings.Join(names(keys), ", "))
		return
	}
	for _, e := range v.Entries {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == e.Key })
		switch {
		case i < 0:
			r.Wrong(e.Line, join(path, e.Key), "%s", Unknown(e.Key, names(keys)))
		case e.Value.Kind != Nothing:
			keys[i].Read(e.Value, join(path, e.Key))
		}
	}
}

// Each reads a mapping whose keys are names of the user's choice, in their order.
func (r *Reader) Each(v Value, path, what string, read func(e Entry, path string)) {
	if v.Kind != Mapping {
		r.Wrong(v.Line, path, "is %s; expected a mapping of names to %s", v.describe(), what)
		return
	}
	for _, e := range v.Entries {
		read(e, join(path, e.Key))
	}
}

// Text reads a scalar as it stands there.
func (r *Reader) Text(v Value, path string) string {
	if v.Kind != Scalar {
		r.Wrong(v.Line, path, "is %s; expected one value", v.describe())
	}
	return v.Text
}

// Texts reads a list of scalars, or one alone.
func (r *Reader) Texts(v Value, path string) []string {
	if v.Kind == Scalar {
		return []string{v.Text}
	}
	if v.Kind != List {
		r.Wrong(v.Line, path, "is %s; expected a list", v.describe())
	}
	var list []string
	for i, item := range v.Items {
		list = append(list, r.Text(item, fmt.Sprintf("%s[%d]", path, i)))
	}
	return list
}

// Bool reads true or false.
func (r *Reader) Bool(v Value, path string) bool {
	if v.Kind != Scalar || v.Text != "true" && v.Text != "false" {
		r.Wrong(v.Line, path, "is %s; expected true or false", v.describe())
	}
	return v.Text == "true"
}

// Duration reads a time such as 72h; it is not negative.
func (r *Reader) Duration(v Value, path string) time.Duration {
	d, err := time.ParseDuration(v.Text)
	if v.Kind != Scalar || err != nil || d < 0 {
		r.Wrong(v.Line, path, "is %s; expected a time such as 72h or 30m", v.describe())
	}
	return d
}

// Unknown says that there is no such key, and which one may be meant.
func Unknown(key string, known []string) string {
	best, least := "", 1+max(1, len(key)/2)
	for _, k := range known {
		if d := report.Distance(strings.ToLower(key), k); len(key) <= 64 && d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("there is no such key; is %q meant?", best)
	}
	return "there is no such key; the keys here are " + strings.Join(known, ", ")
}

func names(keys []Key) []string {
	var list []string
	for _, k := range keys {
		list = append(list, k.Name)
	}
	return list
}
