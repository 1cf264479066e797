package manifest

import (
	"fmt"

	"github.com/mmpush/mmpush/core/report"
)

// claim is one place in a manifest that names a file.
type claim struct {
	// arch is empty for the source tarball.
	arch  string
	field string
	file  File
}

// checkFiles refuses a file name that stands for two things. All files of an
// upload lie in one folder, and those of one architecture in one repository. One
// file with the same hash for two architectures hurts nobody, since each
// repository takes its own entry; it is told, because mmpack-build never does it.
func checkFiles(m *Manifest, found *findings) {
	type key struct{ arch, name string }
	inArch := make(map[key]claim)
	anywhere := make(map[string]claim)
	for _, c := range claims(m) {
		if c.file.Name == "" {
			continue
		}
		k := key{c.arch, c.file.Name}
		if before, twice := inArch[k]; twice {
			found.add(conflict(before, c))
			continue
		}
		inArch[k] = c
		if before, twice := anywhere[c.file.Name]; twice {
			found.add(conflict(before, c))
			continue
		}
		anywhere[c.file.Name] = c
	}
}

func claims(m *Manifest) []claim {
	list := []claim{{field: "source.file", file: m.Source}}
	for _, a := range m.Binary {
		for _, p := range a.Packages {
			field := join(join(join("binpkgs", a.Name), p.Name), "file")
			list = append(list, claim{arch: a.Name, field: field, file: p.File})
		}
	}
	return list
}

func conflict(a, b claim) report.Finding {
	f := report.Finding{
		Code: report.CodeDuplicate, Line: b.file.Line, Field: b.field, Actual: b.file.Name,
		Message: fmt.Sprintf("the file is named here and in line %d (%s)", a.file.Line, a.field),
		Hint:    "each package needs a file of its own",
	}
	same := a.file.SHA256 == b.file.SHA256 && a.file.Size == b.file.Size
	if a.arch != "" && a.arch != b.arch {
		if same {
			f.Severity = report.SeverityWarning
			f.Message = fmt.Sprintf("one file stands for two architectures, here and in line %d (%s)", a.file.Line, a.field)
		} else {
			f.Message += ", with another size or SHA-256"
		}
	}
	return f
}
