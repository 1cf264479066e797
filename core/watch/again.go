package watch

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// verdictLimit is far above what a verdict takes.
const verdictLimit = 64 << 20

// publishedBefore reports whether the verdict on the manifest's name says that the
// very same manifest was published from this folder.
func (s *Scanner) publishedBefore(a *arrival) bool {
	if a.asked || a.sum == "" {
		return a.before
	}
	text, err := vfs.ReadFile(s.opt.Drop, VerdictFile(a.name), verdictLimit)
	var v Verdict
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.asked = true
	case err != nil || json.Unmarshal(text, &v) != nil:
		// Nobody knows; it is asked again.
	default:
		a.asked = true
		a.before = v.ManifestSHA256 == a.sum && v.Manifest == a.name &&
			(v.PublishedBefore || v.Result == report.Published || v.Result == report.Unchanged)
	}
	return a.before
}

// onlyMissing reports whether files are absent, and nothing else is wrong.
func onlyMissing(problems []report.Finding) bool {
	return len(problems) > 0 && !slices.ContainsFunc(problems, func(f report.Finding) bool {
		return f.Code != report.CodeMissing
	})
}

// again lets a manifest leave that was brought once more while, or after, its upload
// was published, so that its files have left already. What is there of them was not
// looked at, and stays.
func (s *Scanner) again(a *arrival, before listing) {
	v := s.verdict(a, report.Report{Result: report.Unchanged})
	for _, w := range a.wants {
		if _, there := before[w.name]; there {
			v.Left = append(v.Left, Left{w.name, "its upload was published before, and this is only a part of it"})
		}
	}
	s.depart(a, departure{Verdict: v, Files: originals(a, before, a.bundle()[len(a.wants):])})
}
