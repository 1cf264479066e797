package upload

import (
	"crypto/sha256"
	"encoding/hex"
)

const (
	// chunkSize is how much is read at once.
	chunkSize = 1 << 20
	// chunkCount is how far the copy may be ahead of the look into the package.
	chunkCount = 4
)

// buffers are the few buffers that all bytes of an upload go through. The reader
// takes them; the look, in its own goroutine, gives them back.
type buffers struct {
	free chan []byte
	// size is that of each buffer.
	size int
	made int
}

// plan sizes the buffers, up to the size that is set: a small upload needs no
// megabytes.
func (b *buffers) plan(list []Received) {
	largest := int64(1)
	for _, r := range list {
		largest = max(largest, min(readLimit(r.Size), int64(b.size)))
	}
	b.size = int(largest)
	b.free = make(chan []byte, chunkCount)
}

// take waits for a buffer if all of them are on their way.
func (b *buffers) take() []byte {
	select {
	case buffer := <-b.free:
		return buffer
	default:
	}
	if b.made < chunkCount {
		b.made++
		return make([]byte, b.size)
	}
	return <-b.free
}

// give takes back a buffer, or the part of it that was used. It never blocks.
func (b *buffers) give(buffer []byte) { b.free <- buffer[:cap(buffer)] }

// digest is the SHA-256 of one file, in a goroutine of its own.
type digest struct {
	chunks chan []byte
	sum    chan string
}

// startDigest hands each chunk on to next when it is hashed; next never blocks.
// Whoever starts a digest must end it.
func startDigest(next func(chunk []byte)) *digest {
	d := &digest{make(chan []byte, chunkCount), make(chan string, 1)}
	go func() {
		h := sha256.New()
		for chunk := range d.chunks {
			h.Write(chunk)
			next(chunk)
		}
		d.sum <- hex.EncodeToString(h.Sum(nil))
	}()
	return d
}

// feed hands a chunk over. It never blocks.
func (d *digest) feed(chunk []byte) { d.chunks <- chunk }

// end says that no chunk follows, waits, and returns the hash of all of them.
func (d *digest) end() string {
	close(d.chunks)
	return <-d.sum
}
