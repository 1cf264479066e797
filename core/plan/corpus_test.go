package plan

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
)

// corpus holds genuine uploads, and the states that mmpack-modifyrepo 0.7.9 made of
// them, one after the other.
const corpus = "../../testdata/mmpack"

func readText(t tb, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readUpload is the addition of a genuine upload.
func readUpload(t tb, name string) Addition {
	t.Helper()
	dir := filepath.Join(corpus, "uploads", name)
	found, err := filepath.Glob(filepath.Join(dir, "*.mmpack-manifest"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v %v", dir, found, err)
	}
	m, findings := manifest.Parse([]byte(readText(t, found[0])))
	if report.Refused(findings) {
		t.Fatal(findings)
	}
	packages := map[string]*mpk.Package{}
	for _, p := range m.Packages("amd64-debian") {
		packages[p.Name] = readPackage(t, filepath.Join(dir, p.File.Name), p.File.Size)
	}
	return NewAddition(m, filepath.Base(found[0]), "amd64-debian", packages, Requests{})
}

func readPackage(t tb, file string, size int64) *mpk.Package {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pkg, findings, err := mpk.Read(context.Background(), f, size, archive.DefaultLimits())
	if err != nil || report.Refused(findings) {
		t.Fatalf("%s: %v %v", file, findings, err)
	}
	return pkg
}

// readState is the reference's repository after a step.
func readState(t tb, step string) *repository {
	t.Helper()
	if step == "" {
		return emptyRepository()
	}
	dir := filepath.Join(corpus, "expected", step)
	r := &repository{readText(t, dir, "binary-index.txt"), readText(t, dir, "source-index"), map[string]Taken{}}
	for l := range strings.Lines(readText(t, dir, "listing.txt")) {
		if f := strings.Fields(l); len(f) == 3 && len(f[2]) == 64 && f[0] != "metadata" && f[0] != "source-index" {
			size, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.files[f[0]] = Taken{true, size, f[2]}
		}
	}
	return r
}

// corpusStep is one step of the reference, planned on its own state of the step before.
type corpusStep struct {
	step, before string
	upload       string
	remove       index.Selector
	// like is the step whose text the result equals, if it is not its own.
	like   string
	result report.Result
	// keeps are stanzas that are as in another step, since the reference damaged them.
	keeps map[string]string
	// heals: the stanza of colon stands there in the form that crashes the client.
	heals bool
}

func corpusSteps() []corpusStep {
	greet := func(step string) map[string]string { return map[string]string{"greet": step, "greet-doc": step} }
	return []corpusStep{
		{step: "01-foo-1.0.0", upload: "01-foo-1.0.0"},
		{step: "02-weather-data-2024.01", before: "01-foo-1.0.0", upload: "02-weather-data-2024.01"},
		{step: "03-greet-0.9.0", before: "02-weather-data-2024.01", upload: "03-greet-0.9.0"},
		{step: "04-pytide-0.3.1", before: "03-greet-0.9.0", upload: "04-pytide-0.3.1", keeps: greet("03-greet-0.9.0")},
		{step: "05-chain-3.2", before: "04-pytide-0.3.1", upload: "05-chain-3.2"},
		{step: "06-foo-1.1.0", before: "05-chain-3.2", upload: "06-foo-1.1.0"},
		{step: "07-foo-1.1.0-rebuild", before: "06-foo-1.1.0", upload: "07-foo-1.1.0-rebuild"},
		{step: "08-greet-1.0.0", before: "07-foo-1.1.0-rebuild", upload: "08-greet-1.0.0"},
		{step: "09-colon-1.0", before: "08-greet-1.0.0", upload: "09-colon-1.0", keeps: greet("08-greet-1.0.0"), heals: true},
		{step: "10-foo-2.0.0", before: "09-colon-1.0", upload: "10-foo-2.0.0", heals: true},
		{step: "11-ghost-sysbell", before: "10-foo-2.0.0", upload: "11-ghost-sysbell", heals: true},
		{step: "14-remove-src-foo-1.1.0", before: "13-add-wrong-size", remove: selector("foo", "1.1.0"), result: report.Removed, heals: true},
		{step: "15-remove-src-unknown", before: "14-remove-src-foo-1.1.0", remove: selector("unknown", ""), result: report.Rejected},
		// The reference moves the stanzas to the end; they are put right where they are.
		{step: "16-readd-greet-1.0.0", before: "15-remove-src-unknown", upload: "08-greet-1.0.0",
			like: "15-remove-src-unknown", result: report.Restored, keeps: greet("08-greet-1.0.0"), heals: true},
		{step: "17-downgrade-greet-0.9.0", before: "16-readd-greet-1.0.0", upload: "03-greet-0.9.0", heals: true},
	}
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range corpusSteps() {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			r := readState(t, c.before)
			before := r.clone()
			p := c.plan(t, r)
			if p.Result != cmp.Or(c.result, report.Published) {
				t.Fatalf("%s %v", p.Result, p.Findings)
			}
			if p.Result != report.Rejected {
				r.apply(t, p)
			}
			want := c.want(t)
			if got := unpooled(r.binaries); got != want.binaries {
				t.Errorf("binary index:\n%s\nwant\n%s", got, want.binaries)
			}
			if got := unpooled(r.sources); got != want.sources {
				t.Errorf("source index:\n%s\nwant\n%s", got, want.sources)
			}
			c.checkFiles(t, before, r, p)
			c.checkAgain(t, r)
		})
	}
}

func (c corpusStep) plan(t *testing.T, r *repository) Plan {
	t.Helper()
	i := Intent{Remove: &c.remove}
	if c.upload != "" {
		i = Intent{Add: ptr(readUpload(t, c.upload).asking())}
	}
	p, err := Run(r.view(t), i, func(string) Rules { return Rules{} }, r.taken)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// want is what the reference wrote, but for what it damages.
func (c corpusStep) want(t *testing.T) *repository {
	t.Helper()
	step := c.step
	if c.like != "" {
		step = c.like
	}
	r := readState(t, step)
	for name, from := range c.keeps {
		r.binaries = strings.Replace(r.binaries, stanzaOf(t, r, name), stanzaOf(t, readState(t, from), name), 1)
	}
	if c.heals {
		r.binaries = strings.Replace(r.binaries, "description: note: a", "description: note\n : a", 1)
	}
	return r
}

func stanzaOf(t tb, r *repository, name string) string {
	t.Helper()
	b, ok, err := r.view(t).Binary(name)
	if err != nil || !ok {
		t.Fatalf("%s: %t %v", name, ok, err)
	}
	return b.Text
}

// unpooled reads "pool/<hash>/x" as "x": the reference writes over published files.
func unpooled(text string) string {
	return regexp.MustCompile(`(?m)^filename: pool/[0-9a-f]{64}/`).ReplaceAllString(text, "filename: ")
}

// checkFiles: what the index names is there, and what the reference deleted or wrote
// over is retired.
func (c corpusStep) checkFiles(t *testing.T, before, r *repository, p Plan) {
	t.Helper()
	for file, want := range filesOf(t, r) {
		got := r.files[file]
		if want.Size == 12345 {
			want.Size = got.Size // the reference took that lie in step 13
		}
		if got != want {
			t.Errorf("%s is %+v, want %+v", file, got, want)
		}
	}
	retired := map[string]bool{}
	for _, f := range p.Retires {
		retired[f.Path] = true
	}
	reference := readState(t, c.step)
	for file, old := range before.files {
		if gone := reference.files[file] != old; gone != retired[file] {
			t.Errorf("%s: gone in the reference: %t, retired: %t", file, gone, retired[file])
		}
	}
}

// checkAgain: what was just published is unchanged.
func (c corpusStep) checkAgain(t *testing.T, r *repository) {
	t.Helper()
	if c.upload == "" {
		return
	}
	p, err := Add(r.view(t), readUpload(t, c.upload), Rules{Never, Never, Never}, r.taken)
	if err != nil || p.Result != report.Unchanged || !p.Edit.Empty() || len(p.Findings) != 0 {
		t.Errorf("again: %s %v %v", p.Result, p.Findings, err)
	}
}

// TestCorpusRefused: the uploads of steps 12 and 13 never come to a plan. They declare
// something else than their files are; the reference saw that in one of them only.
func TestCorpusRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, sha256 bool }{
		"wrong-sha-mpk": {},
		"wrong-size":    {sha256: true},
	} {
		dir := filepath.Join(corpus, "uploads-bad", name)
		m, findings := manifest.Parse([]byte(readText(t, dir, "colon_1.0_amd64-debian.mmpack-manifest")))
		if report.Refused(findings) {
			t.Fatal(findings)
		}
		f := m.Packages("amd64-debian")[0].File
		text := readText(t, dir, f.Name)
		if (int64(len(text)) == f.Size) != c.size || (hash(text) == f.SHA256) != c.sha256 {
			t.Errorf("%s: declared %+v, found %d bytes", name, f, len(text))
		}
	}
}
