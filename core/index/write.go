package index

import (
	"bufio"
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/archive"
)

// WriteBinary writes the binary index file: one gzip member with the texts of all
// stanzas, one after the other. Equal snapshots give equal bytes. The error is that
// of w.
func (s *Snapshot) WriteBinary(w io.Writer) error {
	z := archive.NewGzipWriter(w)
	out := bufio.NewWriterSize(z, 64<<10)
	for _, b := range s.binaries {
		out.WriteString(b.text) // Flush returns the error
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", BinaryFile, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write %s: %w", BinaryFile, err)
	}
	return nil
}

// WriteSource writes the source index file: the texts of all stanzas, one after the
// other. The error is that of w.
func (s *Snapshot) WriteSource(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	for _, src := range s.sources {
		out.WriteString(src.text) // Flush returns the error
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", SourceFile, err)
	}
	return nil
}
