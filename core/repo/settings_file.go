package repo

import (
	"bytes"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"unicode"

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
		yamlfile.Key{Name: "sign", Read: r.sign},
		yamlfile.Key{Name: "keep-old", Read: r.keepOld},
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

// sign reads a key's name, which goes to a program as an argument.
func (r *settingsReader) sign(v yamlfile.Value, at string) {
	r.s.Sign = r.Text(v, at)
	if v.Kind == yamlfile.Scalar && !ValidSigner(r.s.Sign) {
		r.Wrong(v.Line, at, "%q is not the fingerprint or the address of a key", r.s.Sign)
	}
}

// ValidSigner reports whether a text can name a key: its fingerprint, or an address.
func ValidSigner(s string) bool {
	return s != "" && len(s) <= 256 && !strings.HasPrefix(s, "-") && !strings.ContainsFunc(s, unicode.IsControl)
}

func (r *settingsReader) keepOld(v yamlfile.Value, at string) {
	n, err := strconv.ParseInt(r.Text(v, at), 10, 32)
	if v.Kind == yamlfile.Scalar && (err != nil || n < 0) {
		r.Wrong(v.Line, at, "%q is not a number from 0 on", v.Text)
	}
	r.s.KeepOld = int(n)
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

// SettingKey is a key of the settings as people write it.
type SettingKey struct {
	Name string
	// Means says what it does and what it may be.
	Means string
	// Example is YAML with the key in it.
	Example string
	// rare: a new file has it as a comment.
	rare bool
}

// SettingKeys are all keys, in the order of the file.
func SettingKeys() []SettingKey {
	return []SettingKey{
		{Name: "id", Means: "Names the repository for good, wherever it is moved. It is random; leave it.", Example: "id: jhhxxspuhwsxjumx6a5gvsqhl5"},
		{Name: "kind", Means: "Whose packages the repository holds: mmpack or pacman.", Example: "kind: mmpack"},
		{Name: "rebuild", Means: "Other bytes under a published name and version: ask (the publisher has to ask for it), allow or never. " +
			"One word for all, or a mapping of source names (with * and ?) to words; the first that matches decides.", Example: "rebuild: ask"},
		{Name: "downgrade", Means: "A version that is less than the published one; as rebuild.", Example: "downgrade:\n    \"nightly-*\": allow\n    \"*\": never"},
		{Name: "take-over", Means: "A package that another source has published; as rebuild.", Example: "take-over: ask"},
		{Name: "grace", Means: "How long replaced files stay for whoever holds an older index; 0s deletes them at once.", Example: "grace: 72h"},
		{Name: "retired-max", Means: "How much of the disk they may take, a part (10%) or a size (20GiB); beyond that the oldest go first.", Example: "retired-max: 10%"},
		{Name: "shared", Means: "Shares .mmpush with the folder's group, whose members may publish then: true or false.", Example: "shared: false"},
		{Name: "sign", Means: "In a repository of pacman's: the key with which gpg signs its databases, by fingerprint or address. Whoever publishes needs it.",
			Example: "sign: 0123456789ABCDEF0123456789ABCDEF01234567", rare: true},
		{Name: "keep-old", Means: "In a repository of pacman's: how many older versions of each package stay beyond the grace time.", Example: "keep-old: 2", rare: true},
		{Name: "limits", Means: "What one package may unpack to: so many bytes, and so many times its own size besides; the memory that unpacking may take; files in it. " +
			"Whoever pushes from another machine has it checked there first, with the values that are the default.",
			Example: "limits:\n    unpacked: 256MiB\n    ratio: 200\n    window: 8MiB\n    members: 500000", rare: true},
		{Name: "verifiers", Means: "Who else is asked about every change, by name. mode: reject (what it refuses is refused; the default), warn (it is told) or off. " +
			"Built in are contents, exec, installable, policy, signature and source, each with a config of its own; a plugin needs plugin and sha256, which mmpush plugin check PATH prints, " +
			"and may have a timeout.",
			Example: "verifiers:\n    signature: {mode: reject, config: {openpgp: [keys/team.asc]}}\n    no-games: {plugin: /opt/no-games, sha256: HEX, mode: warn, timeout: 30s}", rare: true},
	}
}

// formatSettings writes the YAML form, with what each key means; what is there for
// few is a comment.
func formatSettings(s Settings) []byte {
	b := bytes.NewBufferString("# The settings of this repository: man 5 mmpush-settings.\n")
	values := map[string]func(key string){
		"id": func(key string) { fmt.Fprintf(b, "%s: %s\n", key, s.ID) }, "kind": func(key string) { fmt.Fprintf(b, "%s: %s\n", key, s.Kind) },
		"rebuild": func(key string) { writePolicy(b, key, s.Rebuild) }, "downgrade": func(key string) { writePolicy(b, key, s.Downgrade) },
		"take-over": func(key string) { writePolicy(b, key, s.TakeOver) }, "grace": func(key string) { fmt.Fprintf(b, "%s: %s\n", key, s.Grace) },
		"retired-max": func(key string) { fmt.Fprintf(b, "%s: %s\n", key, s.RetiredMax) }, "shared": func(key string) { fmt.Fprintf(b, "%s: %t\n", key, s.Shared) },
	}
	for _, k := range SettingKeys() {
		b.WriteByte('\n')
		comment(b, k.Means)
		if k.rare {
			b.WriteString("# " + strings.ReplaceAll(k.Example, "\n", "\n# ") + "\n")
			continue
		}
		values[k.Name](k.Name)
	}
	return b.Bytes()
}

// comment writes text as comments of at most 80 characters.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 80 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

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
