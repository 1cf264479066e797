package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/report"
)

// findFlags say that manifests are named by patterns.
type findFlags struct {
	Glob            bool `help:"Take each MANIFEST for a pattern, or for several with one on each line: * and ? stand for letters of a name, ** for any folders."`
	FailOnUnmatched bool `default:"true" negatable:"" help:"With --glob, a pattern that matches nothing is an error. This is the default."`
}

// expand replaces patterns by the files that they match, each once.
func (f findFlags) expand(ctx context.Context, names []string) ([]string, error) {
	if !f.Glob {
		names = withoutSignatures(names)
		return names, onlyManifests(names)
	}
	patterns := action.Patterns(strings.Join(names, "\n"))
	if len(patterns) == 0 {
		return nil, wrongUsage("name the .mmpack-manifest files that mmpack-build wrote, such as out/*.mmpack-manifest", "no pattern says what to publish")
	}
	searches, err := action.Find(ctx, patterns)
	if err != nil {
		return nil, wrongUsage(`* and ? stand for letters of a name, ** for any folders, [ab] for one of a few; \ takes their meaning away`, "%w", err)
	}
	var files, lost []string
	for _, s := range searches {
		if len(s.Files) == 0 {
			lost = append(lost, unmatched(s))
		}
		for _, file := range s.Files {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	if len(lost) > 0 && f.FailOnUnmatched {
		return nil, wrongUsage("see whether the build has written there; --no-fail-on-unmatched lets a pattern match nothing", "%s", strings.Join(lost, "\n"))
	}
	files = withoutSignatures(files)
	return files, onlyManifests(files)
}

// withoutSignatures leaves out the signatures of packages that are there themselves, as
// *.pkg.tar.* names them: each package takes the one beside it with it.
func withoutSignatures(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		of, is := strings.CutSuffix(name, signature)
		return is && isPackage(of) && slices.Contains(names, of)
	})
}

// onlyManifests refuses packages where manifests are wanted: as such, they would be one
// problem for each of their lines.
func onlyManifests(names []string) error {
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, ".mpk") })
	if i < 0 {
		return nil
	}
	return wrongUsage("name the .mmpack-manifest that mmpack-build wrote beside it: it names the packages", "%s is a package, and no manifest", visible(names[i]))
}

// unmatched says where nothing was found, and what else is there.
func unmatched(s action.Search) string {
	text := fmt.Sprintf("nothing matches %s; looked in %s", visible(s.Pattern), visible(s.Looked))
	if len(s.Near) == 0 {
		return text + ", which is empty"
	}
	for i := range s.Near {
		s.Near[i] = visible(s.Near[i])
	}
	return text + ": " + strings.Join(s.Near, ", ")
}

// nothingToDo is the answer where no pattern matches, and none has to.
func (a *app) nothingToDo() (doc any, code int) {
	a.err.message(faint, "note", "no pattern matches anything: there is nothing to do")
	return answers{Schema: report.Schema, Result: report.Unchanged, Reports: []answer{}}, exitDone
}
