package tupkg

import (
	"fmt"
	"io"
)

// File is a file that a client sends.
type File struct {
	// Name satisfies [CheckName].
	Name string
	// Size is in bytes.
	Size int64
	// MD5 is needed in version 1, SHA256 in version 2; both in hexadecimal.
	MD5, SHA256 string
	// Content gives the bytes; it is read once, from the first byte that the server
	// misses.
	Content io.ReaderAt
}

// SplitFiles is the greatest number of files in a part that [Split] makes: the
// historical server holds a descriptor for each, and goes deaf at about 1,024.
const SplitFiles = 500

// Split divides files, in their order, into parts that each fit one session of version
// 1 in either dialect: at most [SplitFiles] files, and at most [MaxMessage] bytes of
// declaration. No files make no parts. A name or size that cannot be declared, or a
// name that is there twice, is an error.
func Split(files []File) ([][]File, error) {
	if err := checkFiles(files); err != nil {
		return nil, err
	}
	var parts [][]File
	start, used := 0, 0
	for i, f := range files {
		// The document's numbers are never shorter than the code's.
		n := len(fileKeys(f, i-start, Document))
		if i > start && (i-start == SplitFiles || used+n > MaxMessage-overhead) {
			parts = append(parts, files[start:i])
			start, used = i, 0
			n = len(fileKeys(f, 0, Document))
		}
		used += n
	}
	if start < len(files) {
		parts = append(parts, files[start:])
	}
	return parts, nil
}

// overhead is the part of a declaration that is there once.
const overhead = len("numpkgs=500") + len(wantReasonKey)

// checkFiles checks what the client is about to declare.
func checkFiles(files []File) error {
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if err := CheckName(f.Name); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrLocal, shown(f.Name), err)
		}
		if seen[f.Name] {
			return fmt.Errorf("%w: %s: the name is there twice", ErrLocal, shown(f.Name))
		}
		if f.Size < 0 {
			return fmt.Errorf("%w: %s: its size %d is negative", ErrLocal, shown(f.Name), f.Size)
		}
		seen[f.Name] = true
	}
	return nil
}
