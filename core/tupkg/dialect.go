package tupkg

import "fmt"

// Dialect is one of the two ways in which version 1 is spoken: as its document shows
// it, or as its historical programs do.
type Dialect int

// The dialects.
const (
	// Document numbers files from 1, answers np=2&m1=PASS and reads '+' as '+'.
	Document Dialect = iota
	// HistoricalCode numbers files from 0, answers numpkgs=2&md5sum0=PASS and reads
	// '+' as a space.
	HistoricalCode
)

// String is the dialect's name in targets: "document" or "code".
func (d Dialect) String() string {
	if d == HistoricalCode {
		return "code"
	}
	return "document"
}

// ParseDialect reads what [Dialect.String] writes.
func ParseDialect(s string) (Dialect, error) {
	switch s {
	case "document":
		return Document, nil
	case "code":
		return HistoricalCode, nil
	}
	return 0, fmt.Errorf("the dialect %s is not known; there are document and code", shown(s))
}

// first is the number of a declaration's first file.
func (d Dialect) first() int {
	if d == HistoricalCode {
		return 0
	}
	return 1
}

// key is an indexed key of file i, counted from 0.
func (d Dialect) key(prefix string, i int) string {
	return fmt.Sprintf("%s%d", prefix, i+d.first())
}

// unescape reads a value in this dialect.
func (d Dialect) unescape(raw string) string { return unescape(raw, d == HistoricalCode) }

// resultKeys are the keys of a result: of the number of files, and before each
// file's number.
func (d Dialect) resultKeys() (count, prefix string) {
	if d == HistoricalCode {
		return "numpkgs", "md5sum"
	}
	return "np", "m"
}
