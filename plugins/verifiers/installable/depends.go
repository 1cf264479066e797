package installable

import (
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/index"
)

// bound is what a dependency asks of a version; the zero value asks nothing.
type bound struct {
	op, version string
}

// met reports whether a version is as the client wants it.
func (b bound) met(version string) bool {
	c := index.CompareVersions(version, b.version)
	switch b.op {
	case ">=":
		return c >= 0
	case "<": // the client's comparison is "not above"
		return c <= 0
	case "=":
		return c == 0
	}
	return true
}

// need is what a package needs of one other.
type need struct {
	name   string
	bounds []bound
}

// String is the form of an index, of several bounds one after the other.
func (n need) String() string {
	if len(n.bounds) == 0 {
		return n.name
	}
	var all []string
	for _, b := range n.bounds {
		all = append(all, fmt.Sprintf("%s (%s %s)", n.name, b.op, b.version))
	}
	return strings.Join(all, ", ")
}

// met reports whether one package of that version does.
func (n need) met(version string) bool {
	for _, b := range n.bounds {
		if !b.met(version) {
			return false
		}
	}
	return true
}

// parseDepends reads the value of depends, in order, with all that is asked of one name
// together. problem is about the first part that the client does not read.
func parseDepends(text string) (needs []need, problem string) {
	if strings.TrimSpace(text) == "" {
		return nil, ""
	}
	at := map[string]int{}
	for part := range strings.SplitSeq(text, ",") {
		name, b, ok := parseDependency(part)
		if !ok {
			if problem == "" {
				problem = strings.TrimSpace(part)
			}
			continue
		}
		i, known := at[name]
		if !known {
			i = len(needs)
			at[name] = i
			needs = append(needs, need{name: name})
		}
		if b.op != "" && b.version != index.AnyVersion {
			needs[i].bounds = append(needs[i].bounds, b)
		}
	}
	return needs, problem
}

// parseDependency reads "NAME" or "NAME (OP VERSION)".
func parseDependency(text string) (name string, b bound, ok bool) {
	name, rest, bounded := strings.Cut(text, "(")
	if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, " \t\n)") {
		return name, b, false
	}
	if !bounded {
		return name, b, true
	}
	inside, after, closed := strings.Cut(rest, ")")
	inside = strings.TrimSpace(inside)
	b.version = strings.TrimLeft(inside, "=<>")
	b.op = inside[:len(inside)-len(b.version)]
	b.version = strings.TrimSpace(b.version)
	known := b.op == ">=" || b.op == "=" || b.op == "<"
	return name, b, closed && strings.TrimSpace(after) == "" && known && b.version != "" && !strings.ContainsAny(b.version, " \t\n(")
}
