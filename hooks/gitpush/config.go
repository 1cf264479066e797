package gitpush

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

const (
	// DefaultBuildTime bounds a build.
	DefaultBuildTime = 30 * time.Minute
	// DefaultBuildLog bounds what a build may print, in bytes.
	DefaultBuildLog = 16 << 20
	// defaultDetach is what `mmpush.detach = true` means.
	defaultDetach = 10 * time.Second
	maxConfig     = 4 << 20
)

// Config is what git's configuration says about publishing.
type Config struct {
	// Targets are in the order of the configuration.
	Targets []Target
	// Users is the users file; without one, git's own access control decides alone.
	Users string
	// Identity says how the pusher is recognised: "login", "env:NAME" or
	// "certificate".
	Identity string
	// Signers gives the user of each key that signs push certificates.
	Signers map[string]string
	// LFS is the store of LFS objects; empty is lfs/objects.
	LFS string
	// Detach is after how long the work goes on without the pusher; 0 is never.
	Detach time.Duration
}

// Target is one repository, or a set, that refs publish in.
type Target struct {
	Name, Repository string
	// Set is the name of a set of repositories; empty if Repository is the one.
	Set string
	// Refs are patterns of full names: '*' is anything but '/', '**' anything.
	Refs []string
	// Verifiers are plugins that are asked besides those of the repository, each as
	// NAME=PATH@sha256:HEX.
	Verifiers []string
	// Build is the command that makes uploads of a commit; none if empty.
	Build []string
	// BuildFolder is the folder, below the checkout, with what the build leaves; empty
	// is the one that the command is given.
	BuildFolder string
	BuildTime   time.Duration
	BuildLog    int64
}

// Takes reports whether a ref publishes here.
func (t Target) Takes(ref string) bool {
	return slices.ContainsFunc(t.Refs, func(p string) bool { return matchRef(p, ref) })
}

// matchRef compares a ref with a pattern; its cost is the product of their lengths.
func matchRef(pattern, ref string) bool {
	// at says which beginnings of the ref the pattern so far covers.
	at := make([]bool, len(ref)+1)
	at[0] = true
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '*' {
			for j := len(ref); j > 0; j-- {
				at[j] = at[j-1] && ref[j-1] == pattern[i]
			}
			at[0] = false
			continue
		}
		deep := i+1 < len(pattern) && pattern[i+1] == '*'
		if deep {
			i++
		}
		for j := 1; j <= len(ref); j++ {
			at[j] = at[j] || at[j-1] && (deep || ref[j-1] != '/')
		}
	}
	return at[len(ref)]
}

// ReadConfig reads the keys of mmpush in git's configuration: the system's, the
// user's, and the repository's, which is the strongest.
func (r *Repository) ReadConfig(ctx context.Context) (Config, error) {
	cmd := r.git.command(ctx, "config", "--null", "--list")
	var out, errText bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, maxConfig}, &limited{&errText, 1 << 10}
	if err := cmd.Run(); err != nil {
		return Config{}, configError(filepath.Join(r.Path, "config"), fmt.Errorf("git config: %w: %s", err, strings.TrimSpace(errText.String())))
	}
	c, err := parseConfig(out.String())
	if err != nil {
		return c, configError(filepath.Join(r.Path, "config"), err)
	}
	return c, nil
}

func configError(file string, err error) error {
	return &report.Error{
		Stage: "push", Code: report.CodeUsage, Kind: report.KindUsage, File: file, Err: err,
		Hint: "git config --list --show-origin shows the keys; mmpush hook --help has the list",
	}
}

// settings are the values of one section.
type settings map[string][]string

func (s settings) last(key string) string {
	if v := s[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// parseConfig reads `git config --null --list`. A section of a name inherits from the
// one without; keys of mmpush that nobody knows are errors.
func parseConfig(text string) (Config, error) {
	sections, names := map[string]settings{"": {}}, []string{}
	var errs []error
	for entry := range strings.SplitSeq(text, "\x00") {
		key, value, valued := strings.Cut(entry, "\n")
		rest, ours := strings.CutPrefix(key, "mmpush.")
		if !ours {
			continue
		}
		if !valued {
			value = "true"
		}
		name := ""
		if i := strings.LastIndexByte(rest, '.'); i >= 0 {
			name, rest = rest[:i], rest[i+1:]
		}
		if problem := unknownKey(name, rest); problem != "" {
			errs = append(errs, errors.New(problem))
			continue
		}
		if sections[name] == nil {
			sections[name] = settings{}
			names = append(names, name)
		}
		sections[name][rest] = append(sections[name][rest], value)
	}
	return newConfig(sections, names, errs)
}

// targetKeys are those of each section, globalKeys those of the one without a name.
func targetKeys() []string {
	return []string{"repository", "set", "refs", "verifiers", "build", "buildfolder", "buildtime", "buildlog"}
}

func globalKeys() []string { return []string{"users", "identity", "signer", "lfs", "detach"} }

func unknownKey(section, key string) string {
	known := targetKeys()
	if section == "" {
		known = append(known, globalKeys()...)
	}
	if slices.Contains(known, key) {
		return ""
	}
	best := slices.MinFunc(known, func(a, b string) int { return report.Distance(a, key) - report.Distance(b, key) })
	where := "mmpush." + key
	if section != "" {
		where = "mmpush." + section + "." + key
	}
	if report.Distance(best, key) <= 2 {
		return fmt.Sprintf("there is no key %q; did you mean %s?", where, best)
	}
	return fmt.Sprintf("there is no key %q; there are %s", where, strings.Join(known, ", "))
}

func newConfig(sections map[string]settings, names []string, errs []error) (Config, error) {
	top := sections[""]
	c := Config{Users: top.last("users"), LFS: top.last("lfs"), Identity: "login", Signers: map[string]string{}}
	if v := top.last("identity"); v != "" {
		c.Identity = v
	}
	name, isEnv := strings.CutPrefix(c.Identity, "env:")
	if c.Identity != "login" && c.Identity != "certificate" && (!isEnv || name == "" || strings.HasPrefix(name, "GIT_")) {
		errs = append(errs, fmt.Errorf("mmpush.identity: %q is not login, certificate or env:NAME", c.Identity))
	}
	for _, line := range top["signer"] {
		words := strings.Fields(line)
		if len(words) != 2 {
			errs = append(errs, fmt.Errorf("mmpush.signer: %q is not a key and a user", line))
			continue
		}
		c.Signers[words[0]] = words[1]
	}
	var err error
	switch v := top.last("detach"); v {
	case "", "false":
	case "true":
		c.Detach = defaultDetach
	default:
		if c.Detach, err = time.ParseDuration(v); err != nil || c.Detach <= 0 {
			errs = append(errs, fmt.Errorf("mmpush.detach: %q is not true, false or a time such as 10s", v))
		}
	}
	if top.last("refs") != "" {
		names = append([]string{""}, names...)
	}
	for _, name := range names {
		t, err := newTarget(name, top, sections[name])
		c.Targets, errs = append(c.Targets, t), append(errs, err)
	}
	return c, errors.Join(errs...)
}

func newTarget(name string, top, own settings) (Target, error) {
	s := maps.Clone(top)
	maps.Copy(s, own)
	if name != "" {
		s["refs"] = own["refs"]
	}
	t := Target{
		Name: name, Repository: s.last("repository"), Set: s.last("set"), Refs: s["refs"], Build: strings.Fields(s.last("build")),
		BuildFolder: s.last("buildfolder"), BuildTime: DefaultBuildTime, BuildLog: DefaultBuildLog,
	}
	for _, v := range s["verifiers"] {
		t.Verifiers = append(t.Verifiers, strings.Fields(v)...)
	}
	key := "mmpush." + name
	if name == "" {
		key, t.Name = "mmpush", cmp.Or(t.Set, filepath.Base(t.Repository))
	}
	var errs []error
	if own.last("repository") != "" && own.last("set") == "" {
		t.Set = ""
	}
	switch both := own.last("repository") != "" && t.Set != ""; {
	case both:
		errs = append(errs, fmt.Errorf("%s has a repository and a set: a target is one of them", key))
	case t.Set != "":
		t.Repository = ""
	case t.Repository == "":
		errs = append(errs, fmt.Errorf("%s.repository is missing: the folder of the package repository", key))
	case !filepath.IsAbs(t.Repository):
		errs = append(errs, fmt.Errorf("%s.repository: %q is not an absolute path", key, t.Repository))
	}
	if len(t.Refs) == 0 {
		errs = append(errs, fmt.Errorf("%s.refs is missing: the refs that publish, such as refs/heads/dist", key))
	}
	for _, p := range t.Refs {
		if !strings.HasPrefix(p, "refs/") && p != "**" {
			errs = append(errs, fmt.Errorf("%s.refs: %q does not begin with refs/", key, p))
		} else if strings.Count(p, "*") > 4 {
			errs = append(errs, fmt.Errorf("%s.refs: %q has more than 4 stars", key, p))
		}
	}
	if t.BuildFolder != "" && !filepath.IsLocal(t.BuildFolder) {
		errs = append(errs, fmt.Errorf("%s.buildFolder: %q is not a path below the checkout", key, t.BuildFolder))
	}
	var err error
	if v := s.last("buildtime"); v != "" {
		if t.BuildTime, err = time.ParseDuration(v); err != nil || t.BuildTime <= 0 {
			errs = append(errs, fmt.Errorf("%s.buildTime: %q is not a time such as 30m", key, v))
		}
	}
	if v := s.last("buildlog"); v != "" {
		if t.BuildLog, err = strconv.ParseInt(v, 10, 64); err != nil || t.BuildLog <= 0 {
			errs = append(errs, fmt.Errorf("%s.buildLog: %q is not a number of bytes", key, v))
		}
	}
	return t, errors.Join(errs...)
}
