package repo

import (
	"bytes"
	"fmt"
	"math"
	"path"
	"strconv"

	"github.com/mmpush/mmpush/core/yamlfile"
)

// settingsReader reads the YAML form, and goes on after a problem so that all of them
// are told.
type settingsReader struct {
	yamlfile.Reader
	s Settings
}

// parseSettings reads the YAML form; unknown keys are errors.
func parseSettings(text []byte, kind string) (Settings, error) {
	r := settingsReader{s: defaultSettings(kind)}
	err := r.Read(text,
		yamlfile.Key{Name: "id", Read: r.text(&r.s.ID)},
		yamlfile.Key{Name: "kind", Read: r.text(&r.s.Kind)},
		yamlfile.Key{Name: "rebuild", Read: r.policy(&r.s.Rebuild)},
		yamlfile.Key{Name: "downgrade", Read: r.policy(&r.s.Downgrade)},
		yamlfile.Key{Name: "take-over", Read: r.policy(&r.s.TakeOver)},
		yamlfile.Key{Name: "grace", Read: func(v yamlfile.Value, at string) { r.s.Grace = r.Duration(v, at) }},
		yamlfile.Key{Name: "retired-max", Read: r.quota},
		yamlfile.Key{Name: "shared", Read: func(v yamlfile.Value, at string) { r.s.Shared = r.Bool(v, at) }},
		yamlfile.Key{Name: "limits", Read: r.limits},
		yamlfile.Key{Name: "verifiers", Read: r.verifiers})
	return r.s, err
}

func (r *settingsReader) text(into *string) func(yamlfile.Value, string) {
	return func(v yamlfile.Value, at string) { *into = r.Text(v, at) }
}

// policy reads one word for all sources, or a mapping of patterns to words.
func (r *settingsReader) policy(into *Policy) func(yamlfile.Value, string) {
	return func(v yamlfile.Value, at string) {
		if v.Kind == yamlfile.Scalar {
			*into = Policy{{"*", r.mode(v, at)}}
			return
		}
		r.Each(v, at, "ask, allow or never", func(e yamlfile.Entry, at string) {
			if _, err := path.Match(e.Key, ""); err != nil || e.Key == "" {
				r.Wrong(e.Line, at, "is not a pattern: * and ? stand for any letters, [ab] for one of a few")
			}
			*into = append(*into, PolicyRule{e.Key, r.mode(e.Value, at)})
		})
	}
}

func (r *settingsReader) mode(v yamlfile.Value, at string) Mode {
	m := Mode(r.Text(v, at))
	if v.Kind == yamlfile.Scalar && m != Ask && m != Allow && m != Never {
		r.Wrong(v.Line, at, "%q is not one of ask, allow, never", m)
	}
	return m
}

func (r *settingsReader) quota(v yamlfile.Value, at string) {
	q, err := parseQuota(r.Text(v, at))
	if err != nil && v.Kind == yamlfile.Scalar {
		r.Wrong(v.Line, at, "%s", err)
	}
	r.s.RetiredMax = q
}

// limits reads what one package may unpack to.
func (r *settingsReader) limits(v yamlfile.Value, at string) {
	l := &r.s.Limits
	r.Mapping(v, at,
		yamlfile.Key{Name: "unpacked", Read: func(v yamlfile.Value, at string) { l.DecodedBase = r.bytes(v, at, 1, math.MaxInt64-1) }},
		yamlfile.Key{Name: "ratio", Read: func(v yamlfile.Value, at string) { l.DecodedRatio = r.count(v, at) }},
		yamlfile.Key{Name: "window", Read: func(v yamlfile.Value, at string) { l.Window = uint64(r.bytes(v, at, 1<<10, math.MaxInt32)) }},
		yamlfile.Key{Name: "members", Read: func(v yamlfile.Value, at string) { l.Members = int(r.count(v, at)) }})
}

func (r *settingsReader) bytes(v yamlfile.Value, at string, least, most int64) int64 {
	q, err := parseQuota(r.Text(v, at))
	if v.Kind == yamlfile.Scalar && (err != nil || q.Bytes < least || q.Bytes > most) {
		r.Wrong(v.Line, at, "%q is not a size from %d to %d bytes, such as 512MiB", v.Text, least, most)
	}
	return q.Bytes
}

func (r *settingsReader) count(v yamlfile.Value, at string) int64 {
	n, err := strconv.ParseInt(r.Text(v, at), 10, 32)
	if v.Kind == yamlfile.Scalar && (err != nil || n < 1) {
		r.Wrong(v.Line, at, "%q is not a number from 1 on", v.Text)
	}
	return n
}

// formatSettings writes the YAML form, with what each key means; what is there for
// few is a comment.
func formatSettings(s Settings) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The settings of this repository; man 5 mmpush-settings. They hold from the next command on.\n"+
		"# The id is random and names the repository for good, wherever it is moved.\nid: %s\nkind: %s\n", s.ID, s.Kind)
	b.WriteString("\n# What replaces something: ask (the publisher has to ask for it), allow or never.\n" +
		"# One word for all, or a mapping of source names (with * and ?) to words; the first that matches decides.\n")
	writePolicy(&b, "rebuild", s.Rebuild)
	writePolicy(&b, "downgrade", s.Downgrade)
	writePolicy(&b, "take-over", s.TakeOver)
	fmt.Fprintf(&b, "\n# How long replaced files stay for whoever holds an older index; 0s deletes them at once.\ngrace: %s\n", s.Grace)
	fmt.Fprintf(&b, "# How much of the disk they may take (10%% of it, or 20GiB); beyond that the oldest go first.\nretired-max: %s\n", s.RetiredMax)
	fmt.Fprintf(&b, "\n# Share this folder with its group, whose members may publish then.\nshared: %t\n", s.Shared)
	b.WriteString(settingsComments)
	return b.Bytes()
}

// settingsComments are the keys that most repositories leave alone.
const settingsComments = `
# What one package may unpack to: so many bytes, and so many times its own size
# besides; the memory that unpacking may take; files in it. A push from another
# machine checks with these values before it sends anything.
# limits:
#     unpacked: 256MiB
#     ratio: 200
#     window: 8MiB
#     members: 500000

# Who else is asked about every change. mode: reject (what it refuses is refused),
# warn (it is told) or off. Built in are contents, exec, installable, policy,
# signature and source; a plugin needs plugin and sha256, which
# mmpush plugin check PATH prints.
# verifiers:
#     signature: {mode: reject, config: {openpgp: [keys/team.asc]}}
#     no-games: {plugin: /opt/no-games, sha256: HEX, mode: warn, timeout: 30s}
`

func writePolicy(b *bytes.Buffer, key string, p Policy) {
	switch {
	case len(p) == 0:
		fmt.Fprintf(b, "%s: %s\n", key, Ask)
	case len(p) == 1 && p[0].Pattern == "*":
		fmt.Fprintf(b, "%s: %s\n", key, p[0].Mode)
	default:
		fmt.Fprintf(b, "%s:\n", key)
		for _, r := range p {
			fmt.Fprintf(b, "    %q: %s\n", r.Pattern, r.Mode)
		}
	}
}
