package archive_test

import (
	"encoding/binary"
	"hash/crc32"
)

// zstdZeros is the smallest zstd frame of n zero bytes: blocks of 128 KiB, four
// bytes each.
func zstdZeros(n int64) []byte {
	const block = 128 << 10
	frame := []byte("\x28\xb5\x2f\xfd\x00\x38") // a window of 128 KiB
	for ; n > 0; n -= block {
		header := uint32(block<<3 | 1<<1) // repeats one byte
		if n <= block {
			header |= 1
		}
		frame = append(frame, byte(header), byte(header>>8), byte(header>>16), 0)
	}
	return frame
}

// xzDictionary is a right xz stream of no bytes, whose block asks for the
// dictionary of that code: 22 is 8 MiB, 36 is 1 GiB.
func xzDictionary(code byte) []byte {
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
	out := append([]byte("\xfd7zXZ\x00\x00\x00"), sum([]byte{0, 0})...)
	block := []byte{2, 0, 0x21, 1, code, 0, 0, 0}
	out = append(append(out, block...), sum(block)...)
	out = append(out, 0, 0, 0, 0)            // no chunk, and padding
	index := []byte{0, 1, 13, 0, 0, 0, 0, 0} // one block of 13 bytes, decoded 0
	index = index[:4]                        // a multiple of four: no padding
	out = append(append(out, index...), sum(index)...)
	tail := []byte{1, 0, 0, 0, 0, 0} // the index has (1+1)*4 bytes
	return append(append(append(out, sum(tail)...), tail...), "YZ"...)
}

// xzChunks starts an xz stream with a block of n compressed chunks that decode to
// one byte each, each with new properties; what is in them makes no sense.
func xzChunks(n int) []byte {
	block := xzDictionary(0)[:xzHeaderSize+12]
	for range n {
		block = append(block, 0xe0, 0, 0, 0, 0, 0x5d, 0)
	}
	return block
}

const xzHeaderSize = 12
