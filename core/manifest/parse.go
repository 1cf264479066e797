package manifest

import "github.com/mmpush/mmpush/core/report"

// Parse reads a manifest. Every problem that can be told at once is in the
// findings, in the order of the lines; File is left to the caller, who knows the
// manifest's name. The Manifest is nil if any finding refuses: half a
// declaration is of no use to whoever publishes. Findings that refuse nothing
// (keys that mmpush does not know) come together with a Manifest.
//
// What the manifest declares for all architectures is checked, also for those
// that a repository does not serve. An architecture without packages is read as
// such. A SHA-256 may be written in upper case and is lowered: the value is the
// same, and Windows' own tools print it that way.
//
// Whoever reads the text from outside reads at most one byte more than [MaxSize];
// Parse refuses what is longer without looking at it.
func Parse(text []byte) (*Manifest, []report.Finding) {
	found := &findings{}
	m := parse(text, found)
	if found.refused() {
		m = nil
	}
	return m, found.all()
}

func parse(text []byte, found *findings) *Manifest {
	yaml := readText(text, found)
	if found.refused() {
		return nil
	}
	root, ok := parseYAML(yaml, found)
	if !ok {
		return nil
	}
	if root.kind != kindMapping {
		found.add(report.Finding{
			Code: report.CodeYAML, Line: 1,
			Expected: "a mapping with name, version, source and binpkgs", Actual: root.describe(),
			Message: "the manifest is not a mapping", Hint: hintYAML,
		})
		return nil
	}
	m := (&reader{found}).manifest(root)
	checkFiles(m, found)
	return m
}
