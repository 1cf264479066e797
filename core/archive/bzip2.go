package archive

import (
	"bufio"
	"compress/bzip2"
	"io"
)

// Bzip2 decodes one bzip2 file: one or more streams. Arguments, errors and Close are
// as in [Zstd].
func Bzip2(r io.Reader, compressedSize int64, l Limits) (io.ReadCloser, error) {
	return newDecoder("bzip2", r, compressedSize, l, func(in *bufio.Reader) (io.ReadCloser, error) {
		return io.NopCloser(bzip2.NewReader(in)), nil
	})
}
