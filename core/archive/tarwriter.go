package archive

import (
	"archive/tar"
	"io"
	"time"
)

// TarWriter writes one tar stream whose bytes depend on the members only: they belong
// to root, and their time is 1970.
type TarWriter struct {
	w *tar.Writer
}

// NewTarWriter returns a writer to w.
func NewTarWriter(w io.Writer) *TarWriter { return &TarWriter{tar.NewWriter(w)} }

// Folder writes a folder; name ends without '/'.
func (t *TarWriter) Folder(name string) error {
	return t.w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
}

// File writes a file with its whole content.
func (t *TarWriter) File(name string, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	if err := t.w.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.w.Write(content)
	return err
}

// Flush pads the member at hand to whole blocks, so that what was written so far can stand
// alone, without the end marker.
func (t *TarWriter) Flush() error { return t.w.Flush() }

// Close writes the end marker; it does not close the underlying writer.
func (t *TarWriter) Close() error { return t.w.Close() }
