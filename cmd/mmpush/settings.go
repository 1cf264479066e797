package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/report"
)

// readConfig reads the configuration, once the verb is known and before flags that
// are not given take their values from it.
func (a *app) readConfig(ctx *kong.Context) error {
	if ctx.Selected() == nil {
		return nil
	}
	files, ok := a.configFiles(ctx.Selected().Path())
	if !ok {
		return nil
	}
	c, err := config.Load(config.Sources{Getenv: a.Getenv, Home: a.home(), Files: files})
	if err == nil {
		a.config = c
	}
	return err
}

// configFiles are the files of the configuration that a verb heeds; ok is false for
// verbs that need none, and so cannot be kept from answering by one. A verb that
// serves others heeds no project's file: the folder that it was started in says
// nothing.
func (a *app) configFiles(verb string) (files []config.File, ok bool) {
	first, _, _ := strings.Cut(verb, " ")
	switch first {
	case "version", "explain", "completion", "man":
		return nil, false
	case "serve", "receive", "watch", "batch", "hook":
	default:
		if at := config.FindProject(a.Folder); a.Folder != "" && at != "" {
			files = append(files, config.File{Level: config.Project, Path: at})
		}
	}
	if at := a.userConfig(); at != "" {
		files = append(files, config.File{Level: config.User, Path: at})
	}
	if a.System != "" {
		files = append(files, config.File{Level: config.System, Path: filepath.Join(a.System, "config.yaml")})
	}
	return files, true
}

// userConfig is the path of the user's own configuration; empty if they have no home.
func (a *app) userConfig() string {
	at := a.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(at) {
		if a.home() == "" {
			return ""
		}
		at = filepath.Join(a.home(), ".config")
	}
	return filepath.Join(at, "mmpush", "config.yaml")
}

// resolve gives a flag that is not on the command line, and has the tag "setting", the
// value of that key.
func (a *app) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	key := flag.Tag.Get("setting")
	if v := a.config.Value(key); key != "" && v.Origin.Level != config.Default {
		return v.Text, nil
	}
	return nil, nil
}

// setting is the value of a flag or, without it, of a key of the configuration.
func (a *app) setting(flag *string, name, key string) config.Value {
	if flag != nil {
		return config.Given(name, *flag)
	}
	return a.config.Value(key)
}

// repoFlag names a repository on this machine.
type repoFlag struct {
	Repo *string `short:"R" placeholder:"REPO" help:"The repository's folder, or the name of a target that is one. Default: $$MMPUSH_REPO, then the configuration."`
}

// at is the repository's folder; what completes "nothing says ...".
func (f repoFlag) at(a *app, what string) (string, error) {
	v := a.setting(f.Repo, "--repo", "repo")
	if v.Text == "" {
		return "", wrongUsage("add -R REPO, or set MMPUSH_REPO, or write `repo:` in "+cmp.Or(a.userConfig(), "a configuration"), "nothing says %s", what)
	}
	if t, ok := a.config.Target(v.Text); ok {
		if v = t.To; v.Place() != v.Path() {
			return "", wrongUsage("run this on the repository's own machine, or give a folder",
				"%s is %s; this verb works on a folder of this machine", t.Name, visible(v.Text))
		}
	} else if err := a.misspelt(v); err != nil {
		return "", err
	}
	return v.Path(), nil
}

// misspelt is an error if a text is no folder that is there, and looks like the name of
// a target.
func (a *app) misspelt(v config.Value) error {
	if strings.ContainsAny(v.Text, `/\`) || len(v.Text) > 64 {
		return nil
	}
	if _, err := os.Lstat(v.Path()); err == nil {
		return nil
	}
	for _, t := range a.config.Targets() {
		if d := report.Distance(v.Text, t.Name); d <= 2 && d < len(t.Name) {
			return wrongUsage("mmpush config shows the targets; ./"+v.Text+" is the folder of that name",
				"%s: there is no target and no folder %q; is %q meant?", v.Origin, visible(v.Text), t.Name)
		}
	}
	return nil
}

// secretVariables are those of the environment that hold a secret themselves.
func secretVariables() []string { return []string{passwordVariable, tokenVariable} }

// strayVariables are variables of the environment that look like ours and are none.
func strayVariables(environ []string) []error {
	var known []string
	for _, k := range config.Keys() {
		known = append(known, k.Variable())
	}
	known = append(append(known, secretVariables()...), pluginOutput)
	var wrong []error
	for _, line := range environ {
		name, _, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "MMPUSH_") || slices.Contains(known, name) {
			continue
		}
		nearest := slices.MinFunc(known, func(a, b string) int { return report.Distance(a, name) - report.Distance(b, name) })
		if report.Distance(nearest, name) <= 2 {
			wrong = append(wrong, errors.New("the variable "+visible(name)+" is not known; "+nearest+" may be meant"))
		}
	}
	return wrong
}
