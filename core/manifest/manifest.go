package manifest

// Manifest is one upload as its build declared it.
type Manifest struct {
	Name    string
	Version string
	Source  File
	// Binary holds one entry for each architecture, in the order of the file.
	Binary []Architecture
}

// Architecture is the packages of one architecture, in the order of the file;
// that order is the order of their stanzas in the binary index.
type Architecture struct {
	Name     string
	Packages []Package
	// Line is where its key stands in the manifest, counted from 1.
	Line int
}

// Package is one declared binary package.
type Package struct {
	// Name is the key in the manifest: the binary package's name.
	Name string
	File File
	// Line is where its key stands in the manifest, counted from 1.
	Line int
}

// File is one declared file beside the manifest.
type File struct {
	// Name is the base name.
	Name string
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string
	// Size is in bytes, at least 1.
	Size int64
	// Line is where "file:" stands in the manifest, counted from 1.
	Line int
}

// Packages returns the packages of one architecture, or nil if the manifest has
// none for it.
func (m *Manifest) Packages(arch string) []Package {
	for _, a := range m.Binary {
		if a.Name == arch {
			return a.Packages
		}
	}
	return nil
}

// Architectures returns the names of the architectures, in the file's order.
func (m *Manifest) Architectures() []string {
	names := make([]string, len(m.Binary))
	for i, a := range m.Binary {
		names[i] = a.Name
	}
	return names
}
