package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/stanza"
	"github.com/mmpush/mmpush/core/vfs"
)

// mark is what is known of a stanza without reading it: hashes of what it can be asked
// for by. Equal hashes are a reason to look; only the text says that it is so.
type mark struct {
	// name is of the stanza's name. group is, of a binary, of the source tarball that it
	// was built from; of a source, of its SHA-256. file is of the file's name.
	name, group, file uint64
	// dangerous is what [Heal] would change.
	dangerous bool
}

// hashOf is the same in every process, and nobody finds many names with one hash.
func hashOf(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.LittleEndian.Uint64(sum[:])
}

func binaryMark(b Binary) mark {
	return mark{hashOf(b.Name), hashOf(b.Source, b.SrcSHA256), hashOf(b.Filename), dangerous(b.Text)}
}

func sourceMark(s Source) mark {
	return mark{name: hashOf(s.Name), group: hashOf(s.SHA256), file: hashOf(s.Filename)}
}

// piece is a run of stanzas that stand together in an index: a run of gzip members, or
// some lines of the source index. A piece never changes.
type piece struct {
	marks
	// length is of the text, in bytes.
	length int64
	// ragged means that the bytes in the file are not just the stanzas' texts, one after
	// the other: the piece has to be written again.
	ragged bool

	// src, from and size are where the piece stands; src is nil if it is in no file yet.
	src        *indexFile
	from, size int64
	// saved is where its marks stand in a cache.
	saved saved
	// sum is the state of a SHA-256 over the file up to the end of the piece; nil if it is
	// not known.
	sum []byte

	// texts are loaded when somebody asks.
	mu    sync.Mutex
	texts []string
}

// indexFile is one of the two files, open.
type indexFile struct {
	// File is nil if there is none.
	vfs.File
	name string
	// zipped: the file consists of gzip members.
	zipped bool
	// size is in bytes.
	size int64
}

// add appends a mark while the piece is being made.
func (p *piece) add(m mark, length int) {
	p.marks.add(m)
	p.length += int64(length)
}

// ErrCache is in the chain of every error that means: what the cache says of a file is
// not so.
var ErrCache = errors.New("the index cache does not fit the index")

// load returns the stanzas' texts and keeps them.
func (p *piece) load() ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts != nil {
		return p.texts, nil
	}
	texts, err := p.read()
	if err == nil {
		p.texts = texts
	}
	return texts, err
}

// read returns the stanzas' texts, without keeping them.
func (p *piece) read() ([]string, error) {
	whole, err := p.decode()
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, p.len())
	for s := stanza.NewScanner(strings.NewReader(whole)); ; {
		if !s.Scan() {
			if s.Err() != nil || len(texts) != p.len() {
				return nil, fmt.Errorf("%w: %d stanzas stand where %d should", ErrCache, len(texts), p.len())
			}
			return texts, nil
		}
		if n := len(s.Text()); !p.ragged && n <= len(whole) {
			texts, whole = append(texts, whole[:n]), whole[n:]
		} else {
			texts = append(texts, string(s.Text()))
		}
	}
}

// decode reads the piece's text from its file.
func (p *piece) decode() (string, error) {
	var r io.Reader = io.NewSectionReader(p.src, p.from, p.size)
	if p.src.zipped {
		z, err := archive.Gzip(r, p.size, archive.DefaultLimits())
		if err != nil {
			return "", unreadable(p.src.name, err)
		}
		defer z.Close()
		r = z
	}
	var text strings.Builder
	text.Grow(int(min(p.length+1, 64<<20)))
	switch _, err := io.Copy(&text, r); {
	case errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit):
		return "", fmt.Errorf("%w: %w", ErrCache, err)
	case err != nil:
		return "", unreadable(p.src.name, err)
	}
	return text.String(), nil
}

// each yields the stanzas' texts, as they are kept or else without keeping them.
func (p *piece) each() ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts != nil {
		return p.texts, nil
	}
	return p.read()
}
