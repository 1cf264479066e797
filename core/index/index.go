package index

import "iter"

// Binary is one stanza of the binary index: one installable package.
type Binary struct {
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	Source    string `json:"source,omitempty"`
	SrcSHA256 string `json:"srcsha256,omitempty"`
	// Ghost is the text, "true" or "false"; empty if the stanza has none.
	Ghost         string `json:"ghost,omitempty"`
	SumSHA256Sums string `json:"sumsha256sums,omitempty"`
	Depends       string `json:"depends,omitempty"`
	SysDepends    string `json:"sysdepends,omitempty"`
	Description   string `json:"description,omitempty"`
	// Filename is the path below the repository, with forward slashes.
	Filename string `json:"filename,omitempty"`
	// Size is in bytes.
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// Text is the stanza as it is published, with the empty line that ends it;
	// empty for a stanza that is not in an index yet (see [FormatBinary]).
	Text string `json:"text,omitempty"`
}

// Source is one stanza of the source index: one source tarball.
type Source struct {
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Filename string `json:"filename,omitempty"`
	Size     int64  `json:"size,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	// Text is as in [Binary].
	Text string `json:"text,omitempty"`
}

// SourceKey names one stanza of the source index. Two sources may share name and
// version only in an index that somebody else wrote.
type SourceKey struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Key returns the key of s.
func (s Source) Key() SourceKey { return SourceKey{s.Name, s.Version, s.SHA256} }

// Selector picks sources; an empty field matches everything.
type Selector struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// Matches reports whether the selector picks s.
func (sel Selector) Matches(s Source) bool {
	return (sel.Name == "" || sel.Name == s.Name) &&
		(sel.Version == "" || sel.Version == s.Version) &&
		(sel.SHA256 == "" || sel.SHA256 == s.SHA256)
}

// View is the published state of a repository: both indexes, as somebody who
// plans a change sees them. An error means that the index could not be read (it
// is damaged, or the disk failed), never that something is not there.
type View interface {
	// Binary returns the stanza of that binary package; ok is false if there is
	// none. If an index that somebody else wrote has several, it is the last.
	Binary(name string) (b Binary, ok bool, err error)
	// BinariesOf returns the binary packages that were built from one source
	// tarball, in the index's order.
	BinariesOf(source, srcsha256 string) ([]Binary, error)
	// Sources returns the sources that sel picks, in the index's order.
	Sources(sel Selector) ([]Source, error)
	// Names reports whether any stanza of either index names that file.
	Names(filename string) (bool, error)
	// All yields every binary stanza in the index's order; it stops after the
	// first error.
	All() iter.Seq2[Binary, error]
	// Dangerous returns the binary stanzas that crash or mislead the real
	// client, in the index's order (see [Heal]).
	Dangerous() ([]Binary, error)
}

// Edit is a change of both indexes. Stanzas that it does not name keep their
// place and their bytes. The order is: Drop, then Replace in place, then Insert,
// then Append.
type Edit struct {
	// DropBinaries are binary package names.
	DropBinaries []string    `json:"drop_binaries,omitempty"`
	DropSources  []SourceKey `json:"drop_sources,omitempty"`
	// ReplaceBinaries puts a new stanza where the one of that name stands.
	ReplaceBinaries []Binary `json:"replace_binaries,omitempty"`
	// InsertBinaries and InsertSources put a stanza back where it stood.
	InsertBinaries []InsertBinary `json:"insert_binaries,omitempty"`
	InsertSources  []InsertSource `json:"insert_sources,omitempty"`
	AppendBinaries []Binary       `json:"append_binaries,omitempty"`
	AppendSources  []Source       `json:"append_sources,omitempty"`
}

// InsertBinary puts a stanza in front of the one named Before; at the end if
// that one is not there or Before is empty.
type InsertBinary struct {
	Before string `json:"before,omitempty"`
	Binary Binary `json:"binary"`
}

// InsertSource is the same for the source index.
type InsertSource struct {
	Before SourceKey `json:"before,omitzero"`
	Source Source    `json:"source"`
}

// Empty reports whether the edit changes nothing.
func (e Edit) Empty() bool {
	return len(e.DropBinaries) == 0 && len(e.DropSources) == 0 && len(e.ReplaceBinaries) == 0 &&
		len(e.InsertBinaries) == 0 && len(e.InsertSources) == 0 &&
		len(e.AppendBinaries) == 0 && len(e.AppendSources) == 0
}
