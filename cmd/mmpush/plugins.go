package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins"
)

// verifierFlags are for the verbs that verify uploads.
type verifierFlags struct {
	Verifier []string `sep:"none" placeholder:"NAME=PATH@sha256:HEX" help:"Ask this plugin too, besides the verifiers in the repository's settings; may be given several times. mmpush plugin check PATH prints the value."`
}

// pluginSet is the plugins of one run of the program: each is started when it is first
// known that it is needed, and ends with the run.
type pluginSet struct {
	// asked are the verifiers of the command line.
	asked []plugins.Pin

	mu        sync.Mutex
	verifiers map[string]*plugins.Verifier
	carriers  []*plugins.Transport
}

// close ends all plugins.
func (s *pluginSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all sync.WaitGroup
	for _, v := range s.verifiers {
		all.Go(v.Close)
	}
	for _, t := range s.carriers {
		all.Go(t.Close)
	}
	all.Wait()
}

// verifier returns the verifier of a pin; one that is there already is used again.
func (s *pluginSet) verifier(pin plugins.Pin, o plugins.Options) *plugins.Verifier {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(pin, o.CallTime, string(o.Config))
	v, ok := s.verifiers[key]
	if !ok {
		if s.verifiers == nil {
			s.verifiers = map[string]*plugins.Verifier{}
		}
		v = plugins.NewVerifier(pin, o)
		s.verifiers[key] = v
		// It starts while the upload is read.
		v.Warm()
	}
	return v
}

// ask takes the verifiers of the command line.
func (f verifierFlags) ask(a *app) error {
	pins, err := parsePins("--verifier", f.Verifier)
	a.plugins.asked = pins
	return err
}

// parsePins reads pins, each name once.
func parsePins(flag string, texts []string) ([]plugins.Pin, error) {
	var pins []plugins.Pin
	for _, text := range texts {
		pin, err := plugins.ParsePin(text)
		if err == nil && slices.ContainsFunc(pins, func(p plugins.Pin) bool { return p.Name == pin.Name }) {
			err = fmt.Errorf("%s is given twice", pin.Name)
		}
		if err != nil {
			return nil, wrongUsage("mmpush plugin check PATH prints what to write", "%s: %w", flag, err)
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// pluginOutput is the environment variable that shows what plugins print.
const pluginOutput = "MMPUSH_PLUGIN_OUTPUT"

// pluginOptions are how a plugin is run.
func (a *app) pluginOptions(name string) plugins.Options {
	o := plugins.Options{Host: thisBuild().Version}
	if a.Getenv(pluginOutput) != "" {
		o.Output = &prefixer{to: a.Stderr, prefix: name + ": "}
	}
	return o
}

// prefixer writes whole lines, each with the plugin's name, so that nobody takes them
// for ours.
type prefixer struct {
	to     io.Writer
	prefix string
	line   []byte
}

// Write implements [io.Writer]. A line that does not end is cut.
func (p *prefixer) Write(data []byte) (int, error) {
	for part := range bytes.Lines(data) {
		p.line = append(p.line, part...)
		if bytes.HasSuffix(p.line, []byte("\n")) || len(p.line) > visibleLimit {
			_, _ = io.WriteString(p.to, p.prefix+visible(strings.TrimRight(string(p.line), "\r\n"))+"\n")
			p.line = nil
		}
	}
	return len(data), nil
}

// askedVerifiers are those of the command line.
func (a *app) askedVerifiers() []verify.Named {
	var list []verify.Named
	for _, pin := range a.plugins.asked {
		list = append(list, verify.Named{Name: pin.Name, Verifier: a.plugins.verifier(pin, a.pluginOptions(pin.Name)), Version: "sha256:" + pin.SHA256})
	}
	return list
}

// required are the verifiers of a repository's settings, and those of the command
// line: a flag can add to the settings, and take nothing away.
func (a *app) required(r *repo.Repo) ([]verify.Named, error) {
	var list []verify.Named
	for _, s := range r.Settings.Verifiers {
		if slices.ContainsFunc(a.plugins.asked, func(p plugins.Pin) bool { return p.Name == s.Name }) {
			return nil, wrongUsage("give the one on the command line another name", "--verifier %s: the repository's settings have a verifier of that name", s.Name)
		}
		if s.Mode == repo.VerifierOff {
			continue
		}
		v, err := a.verifierOf(r, s)
		if err != nil {
			return nil, err
		}
		list = append(list, verify.Named{Name: s.Name, Verifier: v, Version: versionOf(s), Warn: s.Mode == repo.VerifierWarn})
	}
	return append(list, a.askedVerifiers()...), nil
}

// requiredOfPackages are the verifiers of a pacman repository's settings. One that does
// not know pacman's packages is no verifier of theirs: nothing is published past it.
func (a *app) requiredOfPackages(r *repo.Repo) ([]syncdb.Named, error) {
	all, err := a.required(r)
	if err != nil {
		return nil, err
	}
	var list []syncdb.Named
	for _, v := range all {
		knows, ok := v.Verifier.(alpm.Verifier)
		if !ok {
			return nil, settingsError(r, fmt.Errorf("the verifier %s does not know packages of pacman's", v.Name), "these do: contents, policy, signature; turn it off, or take it out")
		}
		list = append(list, syncdb.Named{Name: v.Name, Verifier: knows, Version: v.Version, Warn: v.Warn})
	}
	return list, nil
}

// verifierOf makes one verifier of the settings.
func (a *app) verifierOf(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) {
	if s.Plugin == "" {
		build, ok := verifiers()[s.Name]
		if !ok {
			return nil, settingsError(r, fmt.Errorf("the verifier %s is not built in%s", s.Name, builtIn()),
				"a plugin needs the keys plugin and sha256; mmpush plugin check PATH prints them")
		}
		v, err := build(r, s)
		if err != nil {
			return nil, settingsError(r, fmt.Errorf("the verifier %s: %w", s.Name, err), "correct what stands under config: for it")
		}
		return v, nil
	}
	if err := trustedSettings(r); err != nil {
		return nil, err
	}
	o := a.pluginOptions(s.Name)
	o.Config, o.CallTime = s.Config, s.Timeout
	return a.plugins.verifier(plugins.Pin{Name: s.Name, Path: s.Plugin, SHA256: s.SHA256}, o), nil
}

func builtIn() string {
	names := slices.Sorted(maps.Keys(verifiers()))
	if len(names) == 0 {
		return ""
	}
	return "; these are: " + strings.Join(names, ", ")
}

// trustedSettings wants settings that name a program to be of somebody who may run
// programs as this user anyway: where a group shares a repository, one of it could
// else have another run whatever they like.
func trustedSettings(r *repo.Repo) error {
	info, err := os.Lstat(filepath.Join(r.Path, filepath.FromSlash(repo.SettingsFile)))
	switch {
	case err != nil:
		return settingsError(r, err, "")
	case !trusted(info):
		return settingsError(r, errors.New("names a program to run, and could be of somebody else: it belongs to another user than you and root, or others can write to it"),
			"chown root and chmod 640 the file, after a look at what it names")
	}
	return nil
}

func settingsError(r *repo.Repo, err error, hint string) error {
	return &report.Error{
		Stage: "settings", Code: report.CodeSettings, Kind: report.KindUsage, File: filepath.Join(r.Path, filepath.FromSlash(repo.SettingsFile)),
		Err: err, Hint: hint,
	}
}
