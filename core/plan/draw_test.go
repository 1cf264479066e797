package plan

import (
	"strings"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/index"
)

// drawUpload draws from so few names, versions and builds that they meet.
func drawUpload(t *rapid.T) Addition {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	all := []string{"a", "b", "lib", "lib-dev", "tool", "tool-doc"}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID).Draw(t, "names")
	a := build(pick("salt", "", "again"), pick("source", "a", "b"), pick("version", "1.0", "1.1", "01.0", "2.0"), names...)
	for i := range a.Binaries {
		// The same bytes say the same: what a package says is part of its build.
		d := []string{"Plain.", "note: with a colon", "Two\n\nparagraphs.", "", strings.Repeat("long words ", 12)}
		a.Binaries[i].Description = d[int(a.Binaries[i].SHA256[0])%len(d)]
	}
	return a
}

// drawRepository makes one as several tools leave it: binaries of some builds in any
// order, sources of their own and bare ones, files that are there, gone or damaged,
// stanzas that crash the client.
func drawRepository(t *rapid.T) *repository {
	r := emptyRepository()
	have := map[string]bool{}
	for _, a := range rapid.SliceOfN(rapid.Custom(drawUpload), 0, 4).Draw(t, "published") {
		used := rapid.IntRange(0, 9).Draw(t, "bare") == 0
		for _, b := range a.Binaries {
			if !have[b.Name] {
				have[b.Name], used = true, true
				b.Filename = drawFile(t, r, b.Filename, b.Size, b.SHA256)
				r.binaries = stack(t, r.binaries, drawStanza(t, b))
			}
		}
		if s := a.Source; used && !strings.Contains(r.sources, s.SHA256) {
			s.Filename = drawFile(t, r, s.Filename, s.Size, s.SHA256)
			r.sources = stack(t, r.sources, index.FormatSource(s))
		}
	}
	return r
}

// stack puts a stanza in front of the others or behind them.
func stack(t *rapid.T, text, stanza string) string {
	if rapid.Bool().Draw(t, "in front") {
		return stanza + text
	}
	return text + stanza
}

func drawStanza(t *rapid.T, b index.Binary) string {
	text := index.FormatBinary(b)
	switch rapid.IntRange(0, 4).Draw(t, "stanza") {
	case 0:
		text = strings.Replace(text, "note\n : with", "note: with", 1)
	case 1:
		text = strings.Replace(text, "Two\n .\n .\n par", "Two\n .\n .par", 1)
	case 2:
		text = strings.Replace(text, "filename: ", "x-mark: 1\nfilename: ", 1)
	}
	return text
}

// drawFile decides where a published file stands and what is there.
func drawFile(t *rapid.T, r *repository, base string, size int64, sha256 string) string {
	path := rapid.SampledFrom([]string{base, base, "pool/" + sha256 + "/" + base, "old/" + base}).Draw(t, "path")
	right := Taken{true, size, sha256}
	if at, ok := r.files[path]; ok && at != right {
		path = "pool/" + sha256 + "/" + base
	}
	r.files[path] = rapid.SampledFrom([]Taken{right, right, right, {}, {true, 1, hash("damaged")}, {true, size, ""}}).Draw(t, "file")
	return path
}
