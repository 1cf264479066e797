package gitpush

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/mmpush/mmpush/core/vfs"
)

// errElsewhere is about an object that is not here as a whole: git knows.
var errElsewhere = errors.New("not here as a whole")

// object is one open object.
type object struct {
	kind plumbing.ObjectType
	size int64
	io.ReadCloser
}

// objectFolder is a folder in the form of .git/objects.
type objectFolder struct {
	fsys  *vfs.Dir
	packs []*pack
	// listed is true once packs has them.
	listed bool
}

func openObjects(name string) (*objectFolder, error) {
	fsys, err := vfs.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &objectFolder{fsys: fsys}, nil
}

func (o *objectFolder) close() {
	for _, p := range o.packs {
		p.close()
	}
	_ = o.fsys.Close()
}

// open finds an object; errElsewhere if it is not here, or only as a difference.
func (o *objectFolder) open(id ID) (object, error) {
	loose, err := o.openLoose(id)
	if !errors.Is(err, fs.ErrNotExist) {
		return loose, err
	}
	if err := o.list(); err != nil {
		return object{}, err
	}
	for _, p := range o.packs {
		offset, err := p.find(id)
		if err != nil {
			return object{}, err
		}
		if offset >= 0 {
			return p.open(offset)
		}
	}
	return object{}, errElsewhere
}

func (o *objectFolder) openLoose(id ID) (object, error) {
	text := id.String()
	f, err := o.fsys.Open(path.Join(text[:2], text[2:]))
	if err != nil {
		return object{}, err
	}
	found, err := readLoose(f)
	if err != nil {
		f.Close()
		return object{}, fmt.Errorf("object %s: %w", id, err)
	}
	return found, nil
}

// readLoose opens a loose object. go-git's reader would sum up all of it with a SHA-1
// that looks for collisions, which costs more than the reading does; git has
// done so when it took the object, and what is published has a SHA-256.
func readLoose(f vfs.File) (object, error) {
	z, err := zlib.NewReader(bufio.NewReaderSize(f, packBuffer))
	if err != nil {
		return object{}, err
	}
	// Longer than any header that git writes.
	r := bufio.NewReaderSize(z, 64)
	head, err := r.ReadSlice(0)
	if err != nil {
		return object{}, fmt.Errorf("its header cannot be read: %w", err)
	}
	word, number, _ := strings.Cut(string(head[:len(head)-1]), " ")
	kind, err := plumbing.ParseObjectType(word)
	if err != nil {
		return object{}, err
	}
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 {
		return object{}, fmt.Errorf("its header says %.40q", head)
	}
	return object{kind, size, closers{r, f.Close}}, nil
}

// closers is a reader and how to close it.
type closers struct {
	io.Reader
	close func() error
}

func (c closers) Close() error { return c.close() }

// list opens the packs' indexes, the newest last as they are named at random.
func (o *objectFolder) list() error {
	if o.listed {
		return nil
	}
	o.listed = true
	entries, err := o.fsys.ReadDir("pack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name, ".idx")
		if !ok {
			continue
		}
		p, err := openPack(o.fsys, path.Join("pack", name))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errElsewhere) {
			// Repacked meanwhile, or of a form that only git knows.
			continue
		}
		if err != nil {
			return err
		}
		o.packs = append(o.packs, p)
	}
	return nil
}

// pack is a pack and its index, version 2. go-git would read the whole index into
// memory, for each push; here a search reads what it compares.
type pack struct {
	index, data vfs.File
	size        int64
	count       int64
}

const (
	fanoutAt = 8
	namesAt  = fanoutAt + 256*4
	idSize   = 20
	// packBuffer is how much of a pack is read at once.
	packBuffer = 64 << 10
)

func openPack(fsys vfs.FS, name string) (*pack, error) {
	index, err := fsys.Open(name + ".idx")
	if err != nil {
		return nil, err
	}
	p := &pack{index: index}
	head := make([]byte, fanoutAt)
	if _, err = index.ReadAt(head, 0); err == nil && !bytes.Equal(head, []byte("\377tOc\x00\x00\x00\x02")) {
		err = errElsewhere
	}
	if err == nil {
		p.count, err = p.number(fanoutAt + 255*4)
	}
	if err == nil {
		p.data, err = fsys.Open(name + ".pack")
	}
	if err == nil {
		var info vfs.Info
		info, err = p.data.Stat()
		p.size = info.Size
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pack) close() {
	_ = p.index.Close()
	if p.data != nil {
		_ = p.data.Close()
	}
}

// number reads four bytes of the index.
func (p *pack) number(at int64) (int64, error) {
	var b [4]byte
	if _, err := p.index.ReadAt(b[:], at); err != nil {
		return 0, fmt.Errorf("index of a pack: %w", err)
	}
	return int64(binary.BigEndian.Uint32(b[:])), nil
}

// find is the offset of an object, or -1.
func (p *pack) find(id ID) (int64, error) {
	low, err := int64(0), error(nil)
	if id[0] > 0 {
		low, err = p.number(fanoutAt + (int64(id[0])-1)*4)
	}
	if err != nil {
		return -1, err
	}
	high, err := p.number(fanoutAt + int64(id[0])*4)
	if err != nil {
		return -1, err
	}
	for low < high {
		middle := low + (high-low)/2
		var there ID
		if _, err := p.index.ReadAt(there[:], namesAt+middle*idSize); err != nil {
			return -1, fmt.Errorf("index of a pack: %w", err)
		}
		switch c := bytes.Compare(id[:], there[:]); {
		case c == 0:
			return p.offset(middle)
		case c < 0:
			high = middle
		default:
			low = middle + 1
		}
	}
	return -1, nil
}

// offset is the place in the pack of the i-th object.
func (p *pack) offset(i int64) (int64, error) {
	smallAt := namesAt + p.count*(idSize+4)
	at, err := p.number(smallAt + i*4)
	if err != nil || at < 1<<31 {
		return at, err
	}
	var b [8]byte
	if _, err := p.index.ReadAt(b[:], smallAt+p.count*4+(at-1<<31)*8); err != nil {
		return -1, fmt.Errorf("index of a pack: %w", err)
	}
	return int64(binary.BigEndian.Uint64(b[:])), nil
}

// open opens the object at an offset, unless it is a difference.
func (p *pack) open(offset int64) (object, error) {
	if offset < 0 || offset >= p.size {
		return object{}, fmt.Errorf("index of a pack: offset %d of %d", offset, p.size)
	}
	s := packfile.NewScanner(io.NewSectionReader(p.data, 0, p.size))
	h, err := s.SeekObjectHeader(offset)
	if err != nil {
		return object{}, fmt.Errorf("pack: %w", err)
	}
	if h.Type.IsDelta() {
		return object{}, errElsewhere
	}
	// The scanner's own way to the content also sums it up for the index, at twice the
	// cost.
	content, err := s.SeekFromStart(offset)
	if err != nil {
		return object{}, fmt.Errorf("pack: %w", err)
	}
	r, err := zlib.NewReader(bufio.NewReaderSize(io.NewSectionReader(p.data, content, p.size-content), packBuffer))
	if err != nil {
		return object{}, fmt.Errorf("pack: %w", err)
	}
	return object{h.Type, h.Length, r}, nil
}
