package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

//go:embed systemd
var systemdFiles embed.FS

// serviceCmd are the verbs about mmpush as a service.
type serviceCmd struct {
	Print servicePrintCmd `cmd:"" help:"Print or write the units of systemd."`
}

type servicePrintCmd struct {
	Unit    string `arg:"" optional:"" help:"One of them, such as mmpush.service. Default: all."`
	Dir     string `placeholder:"DIR" help:"Write them into this folder instead; files of these names there are replaced."`
	Program string `default:"/usr/bin/mmpush" placeholder:"PATH" help:"Where mmpush is on the machine that they are for. Default: /usr/bin/mmpush."`
}

// Help is shown by --help.
func (*servicePrintCmd) Help() string {
	return `The units run "serve" behind a socket of systemd, "watch" for a drop folder, and "gc" each night, as a user of their own with next to no ` +
		`rights. mmpush-sysusers.conf and mmpush-tmpfiles.conf make that user and the folders.`
}

// printed is the document of service print.
type printed struct {
	Schema int           `json:"schema"`
	Result report.Result `json:"result"`
	// Units are their texts, by name.
	Units map[string]string `json:"units"`
}

func (c *servicePrintCmd) run(_ context.Context, a *app) (doc any, code int) {
	names, err := unitNames(c.Unit)
	if err != nil {
		return a.fail(err)
	}
	if !filepath.IsAbs(c.Program) || strings.ContainsAny(c.Program, " \t\n\"'\\%$;") {
		return a.fail(wrongUsage("give an absolute path without spaces and quotes", "--program=%s cannot stand in a unit", visible(c.Program)))
	}
	out := printed{report.Schema, resultPrinted, map[string]string{}}
	for _, name := range names {
		if out.Units[name], err = unitText(name, c.Program); err != nil {
			return a.fail(err)
		}
	}
	if c.Dir != "" {
		if err := a.writeUnits(c.Dir, names, out.Units); err != nil {
			return a.fail(err)
		}
		return out, exitDone
	}
	for i, name := range names {
		if len(names) > 1 {
			a.out.line("%s", strings.Repeat("\n", min(i, 1))+"# "+name)
		}
		a.out.line("%s", strings.TrimSuffix(out.Units[name], "\n"))
	}
	return out, exitDone
}

// unitNames are those of all files, or the one that is meant.
func unitNames(unit string) ([]string, error) {
	files, err := fs.ReadDir(systemdFiles, "systemd")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if unit == "" {
		return names, nil
	}
	if !slices.Contains(names, unit) {
		return nil, wrongUsage("there are "+strings.Join(names, ", "), "there is no %s", visible(unit))
	}
	return []string{unit}, nil
}

// unitText is a file for a machine with mmpush at that path.
func unitText(name, program string) (string, error) {
	text, err := fs.ReadFile(systemdFiles, "systemd/"+name)
	return strings.ReplaceAll(string(text), "ExecStart=/usr/bin/mmpush ", "ExecStart="+program+" "), err
}

// writeUnits writes files into a folder that is there.
func (a *app) writeUnits(dir string, names []string, texts map[string]string) error {
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		return &report.Error{Stage: "service", Code: report.CodeUsage, Kind: report.KindUsage, File: dir, Err: err, Hint: "make the folder first"}
	}
	defer folder.Close()
	for _, name := range names {
		if err := vfs.ReplaceFile(folder, name, "."+name+".new", 0o644, []byte(texts[name])); err != nil {
			return &report.Error{Stage: "service", Code: report.CodeDisk, File: filepath.Join(dir, name), Err: fmt.Errorf("cannot be written: %w", err)}
		}
		a.out.line("wrote %s", visible(filepath.Join(dir, name)))
	}
	return nil
}
