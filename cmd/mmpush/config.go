package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

type configCmd struct{}

// Help is shown by --help.
func (*configCmd) Help() string {
	return `Shows each value that is not given by a flag, and where it comes from: a variable of the environment, the project's .mmpush.yaml, ` +
		`the user's own configuration, the system's. The first that has a value is the one that holds. No secret is shown.`
}

// configuration is the document of config.
type configuration struct {
	Schema int `json:"schema"`
	// Files are those that are looked at, the strongest first.
	Files   []configFile   `json:"files"`
	Values  []configValue  `json:"values"`
	Targets []configTarget `json:"targets"`
	Sets    []configSet    `json:"sets"`
}

type configFile struct {
	Path  string `json:"path"`
	There bool   `json:"there"`
}

// configValue is one value with its origin; the value is empty if nobody has set it.
type configValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Secret: there is a value, and it is not shown.
	Secret bool   `json:"secret,omitempty"`
	Origin string `json:"origin,omitempty"`
}

type configTarget struct {
	Name   string        `json:"name"`
	To     string        `json:"to"`
	Origin string        `json:"origin"`
	Values []configValue `json:"values,omitempty"`
}

type configSet struct {
	Name         string            `json:"name"`
	Repositories map[string]string `json:"repositories"`
	Expects      []string          `json:"expects,omitempty"`
	Deadline     string            `json:"deadline"`
	Origin       string            `json:"origin"`
}

func (*configCmd) run(_ context.Context, a *app) (doc any, code int) {
	c := configuration{Schema: report.Schema, Files: []configFile{}, Values: []configValue{}, Targets: []configTarget{}, Sets: []configSet{}}
	files, _ := a.configFiles("config")
	for _, f := range files {
		_, err := os.Stat(f.Path)
		c.Files = append(c.Files, configFile{f.Path, !errors.Is(err, fs.ErrNotExist)})
	}
	for _, k := range config.Keys() {
		c.Values = append(c.Values, shownValue(k.Name, a.config.Value(k.Name)))
	}
	for _, name := range secretVariables() {
		if a.Getenv(name) != "" {
			c.Values = append(c.Values, configValue{Key: strings.ToLower(strings.TrimPrefix(name, "MMPUSH_")), Secret: true, Origin: name})
		}
	}
	historical, err := a.historicalValues()
	if err != nil {
		return a.fail(err)
	}
	c.Values = append(c.Values, historical...)
	for _, t := range a.config.Targets() {
		shown := configTarget{Name: t.Name, To: t.To.Place(), Origin: t.To.Origin.String()}
		for _, k := range config.Keys() {
			if v, ok := t.Values()[k.Name]; ok {
				shown.Values = append(shown.Values, shownValue(k.Name, v))
			}
		}
		c.Targets = append(c.Targets, shown)
	}
	for _, s := range a.config.Sets() {
		c.Sets = append(c.Sets, configSet{s.Name, s.Repositories, s.Expects, s.Deadline.String(), s.Origin.String()})
	}
	a.showConfiguration(c)
	for _, err := range strayVariables(a.Environ) {
		a.err.message(caution, "warning", err.Error())
	}
	return c, exitDone
}

// shownValue is a value as people may use it: a path is whole.
func shownValue(key string, v config.Value) configValue {
	shown := configValue{Key: key, Value: v.Text, Origin: v.Origin.String()}
	switch key {
	case "to":
		shown.Value = v.Place()
	case "repo", "users", "password-file":
		shown.Value = v.Path()
	}
	if v.Text == "" {
		shown.Origin = ""
	}
	return shown
}

// historicalValues are those of the historical client's file.
func (a *app) historicalValues() ([]configValue, error) {
	at := filepath.Join(a.home(), ".tupkg")
	old, err := tupkg.ReadHistorical(at)
	if err != nil || old.File == "" || a.home() == "" {
		return nil, err
	}
	list := []configValue{}
	for _, v := range []configValue{
		{Key: "tupkg host", Value: old.Host}, {Key: "tupkg port", Value: old.Port}, {Key: "tupkg user", Value: old.User},
	} {
		if v.Value != "" {
			v.Origin = at
			list = append(list, v)
		}
	}
	if old.HasPassword() {
		list = append(list, configValue{Key: "tupkg password", Secret: true, Origin: at})
	}
	return list, nil
}

func (a *app) showConfiguration(c configuration) {
	var t table
	for _, v := range c.Values {
		t.add(v.cells("")...)
	}
	for _, target := range c.Targets {
		t.add(cell{"target " + target.Name, bold}, cell{text: target.To}, cell{target.Origin, faint})
		for _, v := range target.Values {
			t.add(v.cells("  ")...)
		}
	}
	for _, s := range c.Sets {
		t.add(cell{"set " + s.Name, bold}, cell{text: "expects " + cmp.Or(strings.Join(s.Expects, " "), "nothing") + ", deadline " + s.Deadline}, cell{s.Origin, faint})
		for _, arch := range slices.Sorted(maps.Keys(s.Repositories)) {
			t.add(cell{text: "  " + arch}, cell{text: s.Repositories[arch]}, cell{})
		}
	}
	t.write(a.out, "")
	for _, f := range c.Files {
		there := "read"
		if !f.There {
			there = "not there"
		}
		a.out.line("%s %s", a.out.paint(faint, "file "+there+":"), visible(f.Path))
	}
}

// cells are a row of the table.
func (v configValue) cells(indent string) []cell {
	text := v.Value
	switch {
	case v.Secret:
		text = "(secret)"
	case text == "":
		text = "(not set)"
	}
	return []cell{{indent + v.Key, bold}, {text: text}, {v.Origin, faint}}
}
