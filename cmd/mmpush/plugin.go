package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins"
)

// pluginCmd are the verbs about plugins.
type pluginCmd struct {
	List  pluginListCmd  `cmd:"" help:"List the verifiers that a repository's settings ask for, and the plugins of the environment."`
	Check pluginCheckCmd `cmd:"" help:"Run a plugin, show what it is, and print the lines that pin it."`
}

// Help is shown by --help.
func (*pluginCmd) Help() string {
	return `A plugin is a program that serves a verifier or a transport; plugins/README.md of mmpush's sources says how to write one. ` +
		`mmpush runs only what a flag or the settings name, and only if its bytes have the SHA-256 that stands there. ` +
		`With MMPUSH_PLUGIN_OUTPUT=1 in the environment, what plugins print is shown on standard error.`
}

type pluginCheckCmd struct {
	Path string `arg:"" complete:"file" help:"The plugin's program. It is run."`
}

// pluginDoc is the document of plugin check.
type pluginDoc struct {
	Schema   int    `json:"schema"`
	Result   string `json:"result"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	Protocol int    `json:"protocol"`
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	// Pin is what --verifier or --transport takes.
	Pin string `json:"pin"`
}

func (c *pluginCheckCmd) run(ctx context.Context, a *app) (doc any, code int) {
	pin, err := pinFile(c.Path)
	if err != nil {
		return a.fail(pluginFileError(c.Path, err))
	}
	p, err := plugins.Launch(ctx, pin, a.pluginOptions(pin.Name))
	if err != nil {
		return a.fail(err)
	}
	defer p.Close()
	pin.Name = suggestedName(p.Name)
	d := pluginDoc{report.Schema, "checked", p.Name, p.Version, string(p.Kind), p.Protocol, pin.Path, pin.SHA256, pin.String()}
	a.out.line("%s %s, a %s, protocol %d", visible(d.Name), visible(d.Version), d.Kind, d.Protocol)
	a.out.line("%s", visible(d.Path))
	a.out.line("sha256 %s", d.SHA256)
	flag := "--verifier "
	if p.Kind == plugins.KindTransport {
		flag = "--transport "
	}
	a.out.line("\non the command line:\n    %s", visible(flag+quote(d.Pin)))
	if p.Kind == plugins.KindVerifier {
		a.out.line("in a repository's settings:\n    verifiers:\n        %s:\n            plugin: %q\n            sha256: %s\n            mode: reject", pin.Name, d.Path, d.SHA256)
	} else {
		a.out.line("in your configuration:\n    transports: [%s]", visible(quote(d.Pin)))
	}
	return d, exitDone
}

// suggestedName is a plugin's own name as one can be written.
func suggestedName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("+.-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return "plugin-" + name
	}
	return name
}

// pinFile pins the program as it is now.
func pinFile(name string) (plugins.Pin, error) {
	at, err := filepath.Abs(name)
	if err != nil {
		return plugins.Pin{}, err
	}
	sum, err := hashFile(at)
	return plugins.Pin{Name: suggestedName(filepath.Base(name)), Path: at, SHA256: sum}, err
}

func hashFile(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is not an ordinary file")
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func pluginFileError(name string, err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		err = p.Err
	}
	return &report.Error{
		Stage: "plugin", Code: report.CodePlugin, Kind: report.KindUsage, File: name, Err: err, Hint: "name the program of a plugin",
	}
}

type pluginListCmd struct {
	repoFlag
	transportFlags
}

// listedPlugin is one line of plugin list.
type listedPlugin struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Mode string `json:"mode,omitempty"`
	// Path and SHA256 are empty for a verifier that is built in.
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// State is "pinned", "other bytes", "missing", "built in", "unknown" or "not trusted".
	State string `json:"state"`
}

// pluginListDoc is the document of plugin list.
type pluginListDoc struct {
	Schema  int            `json:"schema"`
	Result  string         `json:"result"`
	Plugins []listedPlugin `json:"plugins"`
}

func (c *pluginListCmd) run(_ context.Context, a *app) (doc any, code int) {
	list, err := c.list(a)
	if err != nil {
		return a.fail(err)
	}
	var t table
	for _, p := range list {
		s := good
		if p.unusable() {
			s, code = bad, exitUsage
		}
		t.add(cell{p.Name, bold}, cell{text: p.Kind}, cell{text: p.Mode}, cell{p.State, s}, cell{text: p.Path})
	}
	t.write(a.out, "")
	if len(list) == 0 {
		a.out.line("no verifiers and no plugins are configured")
	}
	return pluginListDoc{report.Schema, "listed", list}, code
}

// unusable reports whether a publish would fail for it.
func (p listedPlugin) unusable() bool {
	return p.Mode != string(repo.VerifierOff) && p.State != "pinned" && p.State != "built in"
}

func (c *pluginListCmd) list(a *app) ([]listedPlugin, error) {
	list := []listedPlugin{}
	if a.setting(c.Repo, "--repo", "repo").Text != "" {
		at, err := c.at(a, "whose verifiers to list")
		if err != nil {
			return nil, err
		}
		r, done, err := a.openRepo(at)
		if err != nil {
			return nil, err
		}
		defer done()
		for _, s := range r.Settings.Verifiers {
			list = append(list, listedVerifier(r, s))
		}
	}
	pins, err := c.pins(a)
	for _, pin := range pins {
		list = append(list, listedPlugin{pin.Name, string(plugins.KindTransport), "", pin.Path, pin.SHA256, pinState(pin.Path, pin.SHA256)})
	}
	return list, err
}

func listedVerifier(r *repo.Repo, s repo.VerifierSetting) listedPlugin {
	p := listedPlugin{Name: s.Name, Kind: string(plugins.KindVerifier), Mode: string(s.Mode), Path: s.Plugin, SHA256: s.SHA256}
	_, known := verifiers()[s.Name]
	switch {
	case s.Plugin == "" && known:
		p.State = "built in"
	case s.Plugin == "":
		p.State = "unknown"
	case trustedSettings(r) != nil:
		p.State = "not trusted"
	default:
		p.State = pinState(s.Plugin, s.SHA256)
	}
	return p
}

// pinState compares a program with its pin; it is not run.
func pinState(name, want string) string {
	switch sum, err := hashFile(name); {
	case err != nil:
		return "missing"
	case sum != want:
		return "other bytes"
	}
	return "pinned"
}
