package plan

import (
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Add plans the publishing of one upload in the repository that v shows. taken says
// what stands at a path of it, a slash path below the repository; for a file that a
// plan stacked below this one places, it answers as if the file were there.
//
// What the rules say are findings. An error means that v or taken failed.
func Add(v index.View, a Addition, rules Rules, taken func(path string) (Taken, error)) (Plan, error) {
	if wrong := malformed(a); len(wrong) > 0 {
		return Plan{Result: report.Rejected, Findings: wrong}, nil
	}
	sc, err := survey(v, a)
	if err != nil {
		return Plan{}, err
	}
	pl, err := placeAll(sc, taken)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Findings: judge(sc, rules), Puts: pl.puts()}
	var orphans []index.Source
	if sc.stands() {
		p.Edit, err = correct(sc, pl)
	} else {
		p.Edit, orphans, err = publish(sc, pl)
	}
	if err != nil {
		return Plan{}, err
	}
	p.Packages = linesOf(sc, pl, orphans)
	if report.Refused(p.Findings) {
		return Plan{Result: report.Rejected, Findings: p.Findings, Packages: p.Packages}, nil
	}
	p.Findings = append(p.Findings, restored(sc, pl)...)
	p.Result = verdict(sc, p)
	return complete(v, p)
}

// verdict tells what an accepted plan is.
func verdict(sc scene, p Plan) report.Result {
	switch {
	case !sc.stands():
		return report.Published
	case p.Edit.Empty() && len(p.Puts) == 0:
		return report.Unchanged
	default:
		return report.Restored
	}
}

// scene is what is published where an upload goes.
type scene struct {
	view index.View
	add  Addition
	// sources are the published ones of the upload's name and version.
	sources []index.Source
	// had has, for each of the upload's binaries, the published one of that name,
	// or nil.
	had []*index.Binary
	// lost are published from sources, and the upload does not have them.
	lost []index.Binary
}

func survey(v index.View, a Addition) (scene, error) {
	sc := scene{view: v, add: a}
	known := map[string]bool{}
	for _, b := range a.Binaries {
		known[b.Name] = true
		old, ok, err := v.Binary(b.Name)
		if err != nil {
			return sc, err
		}
		if !ok {
			sc.had = append(sc.had, nil)
			continue
		}
		sc.had = append(sc.had, &old)
	}
	var err error
	sc.sources, err = v.Sources(index.Selector{Name: a.Source.Name, Version: a.Source.Version})
	if err != nil {
		return sc, err
	}
	for _, s := range sc.sources {
		of, err := v.BinariesOf(s.Name, s.SHA256)
		if err != nil {
			return sc, err
		}
		for _, b := range of {
			if !known[b.Name] {
				known[b.Name] = true
				sc.lost = append(sc.lost, b)
			}
		}
	}
	return sc, nil
}

// stands reports whether the very packages of the upload are what is published, so
// that at most their description in the index is wrong.
func (sc scene) stands() bool {
	if len(sc.lost) > 0 || len(sc.sources) != 1 || sc.ownSource() == nil {
		return false
	}
	for i, b := range sc.add.Binaries {
		if sc.had[i] == nil || !samePackage(*sc.had[i], b) {
			return false
		}
	}
	return true
}

// ownSource is the published stanza of the upload's very tarball, or nil.
func (sc scene) ownSource() *index.Source {
	for i := range sc.sources {
		if sc.sources[i].Key() == sc.add.Source.Key() {
			return &sc.sources[i]
		}
	}
	return nil
}

// samePackage reports whether two stanzas are about the same bytes from the same
// source. The other values follow from those bytes; where they differ, the stanza of
// the upload is right, since verification read the package.
func samePackage(a, b index.Binary) bool {
	return a.Name == b.Name && a.Version == b.Version &&
		a.Source == b.Source && a.SrcSHA256 == b.SrcSHA256 && a.SHA256 == b.SHA256
}

// sameValues compares all that a stanza says, not how it is written.
func sameValues(a, b index.Binary) bool {
	a.Text, b.Text = "", ""
	return a == b
}

func sameSource(a, b index.Source) bool {
	a.Text, b.Text = "", ""
	return a == b
}

// isDangerous reports whether the published stanza crashes or misleads the client.
func isDangerous(b index.Binary) bool {
	_, healed := index.Heal(b)
	return healed
}
