package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// work is what a verb does with one upload; shown tells how far it is.
type work func(ctx context.Context, u upload.Upload, shown *progress) (report.Report, error)

// each does the work for the upload of each manifest, one after the other, and
// tells its report. The document is that of the one manifest, or of all; the exit
// code is the worst.
func (a *app) each(ctx context.Context, manifests []string, do work) (doc any, code int) {
	all := answers{Schema: report.Schema}
	lost := false
	for i, m := range manifests {
		one, oneCode, err := a.one(ctx, m, do)
		all.Reports = append(all.Reports, one)
		lost = lost || report.CodeOf(err) == report.CodeConnection
		if i == 0 || worse(code, oneCode) != code {
			code, all.Result = oneCode, one.Result
		}
		if rest := manifests[i+1:]; err != nil && len(rest) > 0 && hitsAll(err) {
			all.NotTried = rest
			a.err.message(bad, "error", "not tried after that: "+strings.Join(rest, " "))
			break
		}
	}
	if code == exitStopped || code == exitTransport && lost {
		a.resume()
	}
	if len(manifests) == 1 {
		return all.Reports[0], code
	}
	return all, code
}

// hitsAll reports whether an error is not about the manifest at hand, but would
// meet every other as well.
func hitsAll(err error) bool {
	return stopped(err) || slices.Contains([]report.Code{
		report.CodeNoRepo, report.CodeSettings, report.CodeIndex, report.CodeJournal, report.CodeLocked, report.CodeGone, report.CodeClock,
		report.CodeLogin, report.CodeConnection, report.CodeCertificate, report.CodeProtocol,
	}, report.CodeOf(err))
}

// one opens the upload of a manifest and tells what came of it.
func (a *app) one(ctx context.Context, name string, do work) (answer, int, error) {
	shown := newProgress(a.err, time.Now)
	var declared map[string]action.Place
	rep, err := a.read(ctx, name, shown, func(ctx context.Context, u upload.Upload, shown *progress) (report.Report, error) {
		declared = declaredIn(name, u.Manifest)
		return do(ctx, u, shown)
	})
	shown.end()
	rep.Schema = report.Schema
	if rep.Manifest == "" {
		rep.Manifest = filepath.Base(name)
	}
	if err != nil {
		rep.Result = resultError
		a.err.findings(rep.Findings)
		a.err.problem(err)
		return answer{rep, problemOf(err), []string{name}, declared}, exitOfError(err), err
	}
	if rep.Result != report.Rejected {
		a.out.summary(rep)
	}
	a.err.findings(rep.Findings)
	if rep.Result == report.Rejected {
		a.err.message(bad, "rejected", plural(refusals(rep.Findings), "problem")+" in "+visible(name)+a.consequence(rep))
	}
	return answer{Report: rep, manifests: []string{name}, declared: declared}, exitOfReport(rep), nil
}

func (a *app) read(ctx context.Context, manifest string, shown *progress, do work) (report.Report, error) {
	folder, err := openUpload(manifest)
	if err != nil {
		return report.Report{}, err
	}
	defer folder.Close()
	u, findings, err := upload.Open(ctx, a.folder(folder), ".", filepath.Base(manifest))
	if err != nil {
		return report.Report{}, err
	}
	if report.Refused(findings) {
		return report.Report{Result: report.Rejected, Manifest: u.Name, Findings: findings}, nil
	}
	rep, err := do(ctx, u, shown)
	// A server reads the manifest, too.
	rep.Findings = append(findings, slices.DeleteFunc(rep.Findings, func(f report.Finding) bool { return slices.Contains(findings, f) })...)
	return rep, err
}

// declaredIn says where a manifest declares which file.
func declaredIn(name string, m *manifest.Manifest) map[string]action.Place {
	places := map[string]action.Place{m.Source.Name: {Manifest: name, Line: m.Source.Line}}
	for _, arch := range m.Binary {
		for _, p := range arch.Packages {
			places[p.File.Name] = action.Place{Manifest: name, Line: p.File.Line}
		}
	}
	return places
}

// openUpload opens the folder of a manifest.
func openUpload(manifest string) (*vfs.Dir, error) {
	if manifest == "" {
		return nil, wrongUsage("name the .mmpack-manifest file that mmpack-build wrote", "the name of a manifest is empty")
	}
	folder, err := vfs.OpenDir(filepath.Dir(manifest))
	if err == nil {
		return folder, nil
	}
	e := &report.Error{
		Stage: "manifest", Code: report.CodeUsage, Kind: report.KindUsage, File: manifest, Err: err,
		Hint: "name the .mmpack-manifest file that mmpack-build wrote beside the packages",
	}
	if errors.Is(err, fs.ErrNotExist) {
		e.Err = errors.New("there is no such manifest")
	}
	return nil, e
}

// consequence is what a refusal means for the repository.
func (a *app) consequence(rep report.Report) string {
	text := ""
	if a.verb == "push" {
		text = "; nothing of it was published"
	}
	if rep.Kept != "" {
		text += "; the server keeps its manifest and this report as " + visible(rep.Kept)
	}
	return text
}

// refusals is how many findings refuse.
func refusals(findings []report.Finding) int {
	n := 0
	for _, f := range findings {
		if f.Refuses() {
			n++
		}
	}
	return n
}

// resume prints the command that goes on where an interrupted one ended.
func (a *app) resume() {
	a.err.message(faint, "hint", "run the same command again:")
	a.err.line("    %s", visible(commandLine(a.Args)))
}

// commandLine is the command as a shell would read it.
func commandLine(args []string) string {
	words := []string{"mmpush"}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

func quote(arg string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !safe(r) }) < 0 {
		return arg
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(arg, "'", `'\''`))
}
