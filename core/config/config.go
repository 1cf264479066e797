package config

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Level is how strong a value is: the least is the strongest.
type Level int

// The levels.
const (
	Flag Level = iota
	Environment
	Project
	User
	System
	// Default is of what nobody has set.
	Default
)

// Origin is where a value comes from.
type Origin struct {
	Level Level
	// Name is a flag, a variable or the path of a file.
	Name string
	// Line is the line of a file, from 1; else 0.
	Line int
}

func (o Origin) String() string {
	switch {
	case o.Level == Default:
		return "default"
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	}
	return o.Name
}

// Value is a text with its origin. The text is empty if nobody has set it.
type Value struct {
	Text   string
	Origin Origin
	// base is the folder of relative paths, and home what "~" is; both are empty for
	// what does not stand in a file.
	base, home string
}

// Path is the text as a path.
func (v Value) Path() string {
	if v.base == "" || v.Text == "" {
		return v.Text
	}
	if rest, ok := strings.CutPrefix(v.Text, "~/"); ok && v.home != "" {
		return filepath.Join(v.home, rest)
	}
	if filepath.IsAbs(v.Text) {
		return v.Text
	}
	return filepath.Join(v.base, v.Text)
}

// Place is the text as a target: a URL as it stands, else a path.
func (v Value) Place() string {
	if isURL(v.Text) {
		return v.Text
	}
	return v.Path()
}

// Given is a value of a flag.
func Given(flag, text string) Value {
	return Value{Text: text, Origin: Origin{Level: Flag, Name: flag}}
}

// Target is a place to publish that has a name.
type Target struct {
	Name string
	// To is a path or a URL.
	To     Value
	values map[string]Value
}

// Set is several repositories, one for each architecture, that one source is published
// in as one decision.
type Set struct {
	Name string
	// Repositories are the folders by architecture.
	Repositories map[string]string
	// Expects are the architectures whose parts have to be there before anything is
	// published; none: whatever comes is published at once.
	Expects []string
	// Deadline is how long parts wait for the others.
	Deadline time.Duration
	Origin   Origin
}

// DefaultDeadline is the deadline of a set that names none.
const DefaultDeadline = 24 * time.Hour

// Config is everything that is set. The zero value is: nothing.
type Config struct {
	// Files are those that were read, the strongest first.
	Files   []string
	values  []map[string]Value
	targets map[string]Target
	sets    map[string]Set
}

// Value returns what the strongest source has for a key of [Keys].
func (c *Config) Value(key string) Value {
	for _, layer := range c.values {
		if v, ok := layer[key]; ok {
			return v
		}
	}
	return Value{Text: defaults()[key], Origin: Origin{Level: Default}}
}

// ValueFor is Value for what goes to a target: the environment is stronger than what
// stands at the target, and that is stronger than the general keys of all files.
func (c *Config) ValueFor(t Target, key string) Value {
	general := c.Value(key)
	if own, ok := t.values[key]; ok && general.Origin.Level != Environment {
		return own
	}
	return general
}

// Target returns the target of a name.
func (c *Config) Target(name string) (Target, bool) {
	t, ok := c.targets[name]
	return t, ok
}

// Targets are all of them, by name.
func (c *Config) Targets() []Target {
	return sorted(c.targets)
}

// Set returns the set of a name.
func (c *Config) Set(name string) (Set, bool) {
	s, ok := c.sets[name]
	return s, ok
}

// Sets are all of them, by name.
func (c *Config) Sets() []Set { return sorted(c.sets) }

func sorted[T any](m map[string]T) []T {
	var list []T
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[name])
	}
	return list
}

// Values are those that a target has of its own, by key.
func (t Target) Values() map[string]Value { return maps.Clone(t.values) }

// isURL reports whether a text is a target of the form SCHEME://…
func isURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && !strings.ContainsAny(scheme, "/.")
}

// hasPassword reports whether a URL has a password in it.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	_, has := u.User.Password()
	return has
}
