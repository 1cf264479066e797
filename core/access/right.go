package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Action is one thing that a right allows.
type Action string

// The actions.
const (
	// Publish adds packages of a source, or newer versions of them.
	Publish Action = "publish"
	// Rebuild publishes a version again with other bytes.
	Rebuild Action = "rebuild"
	// Downgrade publishes a lower version than the published one.
	Downgrade Action = "downgrade"
	// TakeOver moves a binary package from one source to another; it needs the
	// right over both.
	TakeOver Action = "take-over"
	// Remove takes packages out of the index.
	Remove Action = "remove"
	// Purge deletes files at once, without the grace time.
	Purge Action = "purge"
	// Undo takes back a change.
	Undo Action = "undo"
	// GC tidies the repository; it is about all sources.
	GC Action = "gc"
)

// Actions returns all of them, in the order of the documentation.
func Actions() []Action {
	return []Action{Publish, Rebuild, Downgrade, TakeOver, Remove, Purge, Undo, GC}
}

// Right allows some actions on the sources and architectures that its patterns
// cover (see [Match]).
type Right struct {
	Source, Arch string
	// Actions has at least one.
	Actions []Action
}

// ParseRight reads SOURCE-PATTERN[:ARCH[:ACTION,...]]: without an architecture it
// is for all of them, without an action it is for [Publish] only. Both patterns
// are letters, digits and . _ @ + ~ - with '*' and '?'. [GC] is about all sources,
// so it takes the pattern '*'.
func ParseRight(text string) (Right, error) {
	parts := strings.Split(text, ":")
	r := Right{Source: parts[0], Arch: "*", Actions: []Action{Publish}}
	if len(parts) > 3 {
		return Right{}, fmt.Errorf("right %q: expected SOURCE-PATTERN[:ARCH[:ACTION,...]]", shorten(text))
	}
	if len(parts) > 1 {
		r.Arch = parts[1]
	}
	errs := []error{checkPattern("source pattern", r.Source), checkPattern("architecture", r.Arch)}
	if len(parts) > 2 {
		var err error
		r.Actions, err = parseActions(parts[2])
		errs = append(errs, err)
	}
	if slices.Contains(r.Actions, GC) && r.Source != "*" {
		errs = append(errs, errors.New("gc is about all sources; expected the source pattern '*'"))
	}
	if err := errors.Join(errs...); err != nil {
		return Right{}, fmt.Errorf("right %q: %s", shorten(text), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return r, nil
}

func parseActions(text string) ([]Action, error) {
	var actions []Action
	for word := range strings.SplitSeq(text, ",") {
		switch a := Action(word); {
		case !slices.Contains(Actions(), a):
			return nil, fmt.Errorf("%q is no action; expected some of %s", shorten(word), joinActions(Actions(), ", "))
		case slices.Contains(actions, a):
			return nil, fmt.Errorf("the action %s is there twice", a)
		default:
			actions = append(actions, a)
		}
	}
	return actions, nil
}

// String is the shortest text that [ParseRight] reads as this right.
func (r Right) String() string {
	onlyPublish := slices.Equal(r.Actions, []Action{Publish})
	switch {
	case !onlyPublish:
		return r.Source + ":" + r.Arch + ":" + joinActions(r.Actions, ",")
	case r.Arch != "*":
		return r.Source + ":" + r.Arch
	}
	return r.Source
}

// covers reports whether the right allows the need.
func (r Right) covers(n Need) bool {
	if !slices.Contains(r.Actions, n.Action) || !Match(r.Arch, n.Arch) {
		return false
	}
	if n.Action == GC {
		return r.Source == "*" && n.Source == ""
	}
	return Match(r.Source, n.Source)
}

func joinActions(actions []Action, separator string) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	return strings.Join(words, separator)
}

// shorten keeps what stands in a message readable.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}
