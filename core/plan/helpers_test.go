package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// tb is what testing.T and rapid.T share.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// repository plays one: its indexes as text, and its files.
type repository struct {
	binaries, sources string
	files             map[string]Taken
}

func emptyRepository() *repository { return &repository{files: map[string]Taken{}} }

func (r *repository) clone() *repository {
	return &repository{r.binaries, r.sources, maps.Clone(r.files)}
}

func (r *repository) view(t tb) index.View {
	t.Helper()
	v, err := index.NewView([]byte(r.binaries), []byte(r.sources))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *repository) taken(path string) (Taken, error) { return r.files[path], nil }

func (r *repository) plan(t tb, a Addition, rules Rules) Plan {
	t.Helper()
	p, err := Add(r.view(t), a, rules, r.taken)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply does what the plan says; retired files stay, as in their grace time. What is
// written is read again as the real client reads it.
func (r *repository) apply(t tb, p Plan) {
	t.Helper()
	r.edit(t, p.Edit)
	for _, f := range p.Puts {
		r.files[f.Path] = Taken{Exists: true, Size: f.Size, SHA256: f.SHA256}
	}
	if !p.Edit.Empty() {
		checkClient(t, r.view(t), r.binaries, r.sources)
	}
}

func (r *repository) edit(t tb, e index.Edit) {
	t.Helper()
	after, err := index.Apply(r.view(t), e)
	if err != nil {
		t.Fatal(err)
	}
	r.binaries, r.sources = textsOf(t, after)
}

// publish adds what has to be accepted.
func (r *repository) publish(t tb, uploads ...Addition) *repository {
	t.Helper()
	for _, a := range uploads {
		p := r.plan(t, a, Rules{})
		if p.Result != report.Published {
			t.Fatalf("%s %s: %s %v", a.Source.Name, a.Source.Version, p.Result, p.Findings)
		}
		r.apply(t, p)
	}
	return r
}

func binariesOf(t tb, v index.View) []index.Binary {
	t.Helper()
	var all []index.Binary
	for b, err := range v.All() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func sourcesOf(t tb, v index.View) []index.Source {
	t.Helper()
	all, err := v.Sources(index.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func textsOf(t tb, v index.View) (binaries, sources string) {
	t.Helper()
	var b, s strings.Builder
	for _, x := range binariesOf(t, v) {
		b.WriteString(x.Text)
	}
	for _, x := range sourcesOf(t, v) {
		s.WriteString(x.Text)
	}
	return b.String(), s.String()
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// build makes an upload; another salt is another build of the same version.
func build(salt, source, version string, binaries ...string) Addition {
	a := Addition{
		Manifest: source + "_" + version + "_amd64-debian.mmpack-manifest",
		Source: index.Source{
			Name: source, Version: version, Filename: source + "_" + version + "_src.tar.xz",
			Size: int64(100 + len(salt)), SHA256: hash("source", source, version, salt),
		},
	}
	for _, name := range binaries {
		a.Binaries = append(a.Binaries, index.Binary{
			Name: name, Version: version, Source: source, SrcSHA256: a.Source.SHA256,
			Ghost: "false", SumSHA256Sums: hash("sums", name, version, salt),
			Description: "What " + name + " is for.\nIn two lines.",
			Filename:    name + "_" + version + "_amd64-debian.mpk",
			Size:        int64(1000 + len(salt)), SHA256: hash("package", source, name, version, salt),
		})
	}
	return a
}

// upload is the first build of a version.
func upload(source, version string, binaries ...string) Addition {
	return build("", source, version, binaries...)
}

// asking is the upload with all requests made.
func (a Addition) asking() Addition {
	a.Requests = Requests{Rebuild: true, Downgrade: true, TakeOver: true}
	return a
}

// undoing is the edit that takes a plan back, from what it dropped.
func undoing(p Plan) index.Edit {
	var e index.Edit
	for _, b := range p.Edit.AppendBinaries {
		e.DropBinaries = append(e.DropBinaries, b.Name)
	}
	for _, s := range p.Edit.AppendSources {
		e.DropSources = append(e.DropSources, s.Key())
	}
	for _, s := range p.Edit.InsertSources {
		e.DropSources = append(e.DropSources, s.Source.Key())
	}
	for _, d := range p.Dropped {
		if d.Source != nil {
			e.InsertSources = append(e.InsertSources, *d.Source)
			continue
		}
		for _, b := range p.Edit.ReplaceBinaries {
			if b.Name == d.Binary.Binary.Name {
				e.DropBinaries = append(e.DropBinaries, b.Name)
			}
		}
		e.InsertBinaries = append(e.InsertBinaries, *d.Binary)
	}
	return e
}

// mustFind returns the findings of that code, at least one.
func mustFind(t tb, p Plan, code report.Code) []report.Finding {
	t.Helper()
	var found []report.Finding
	for _, f := range p.Findings {
		if f.Code == code {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no finding %s among %v", code, p.Findings)
	}
	return found
}

// line returns the report's line about one package.
func line(t tb, p Plan, kind report.PackageKind, name string) report.Package {
	t.Helper()
	for _, l := range p.Packages {
		if l.Kind == kind && l.Name == name {
			return l
		}
	}
	t.Fatalf("no line about the %s package %s in %v", kind, name, p.Packages)
	return report.Package{}
}
