package syncdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// tableFile is beside the databases of a generation, and says where their pieces stand
// and which entries are in them. It is a cache: without it, or if it is not about exactly
// these two files, they are read.
const tableFile = "pieces"

// tableMagic begins it; behind it stands the SHA-256 of the rest.
const tableMagic = "mmpush-pieces 1 "

// maxTable bounds it, in bytes; a package takes some 25.
const maxTable = 64 << 20

// formatTable writes the table of two files.
func formatTable(pieces []piece, files [2]repo.Identity) []byte {
	var b bytes.Buffer
	for _, id := range files {
		fmt.Fprintf(&b, "file %d %d %d\n", id.Ino, id.Size, id.ModTime)
	}
	for _, p := range pieces {
		fmt.Fprintf(&b, "piece %d %d\n", p.size[DB], p.size[Files])
		for _, f := range p.folders {
			b.WriteString(f + "\n")
		}
	}
	sum := sha256.Sum256(b.Bytes())
	return append([]byte(tableMagic+hex.EncodeToString(sum[:])+"\n"), b.Bytes()...)
}

// errTable is about a table that is of no use.
var errTable = errors.New("the table of pieces does not fit the databases")

// parseTable reads a table if it is about these two files.
func parseTable(text []byte, files [2]repo.Identity) ([]piece, error) {
	head, rest, _ := bytes.Cut(text, []byte("\n"))
	sum := sha256.Sum256(rest)
	if string(head) != tableMagic+hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its checksum is another", errTable)
	}
	var pieces []piece
	var is []repo.Identity
	var size [2]int64
	for line := range strings.Lines(string(rest)) {
		line = strings.TrimSuffix(line, "\n")
		switch words := strings.Split(line, " "); {
		case len(words) == 1 && len(pieces) > 0:
			p := &pieces[len(pieces)-1]
			p.folders = append(p.folders, line)
		case words[0] == "piece" && len(words) == 3:
			n := numbers(words[1:])
			pieces = append(pieces, piece{size: [2]int64{n[0], n[1]}})
			size[DB], size[Files] = size[DB]+n[0], size[Files]+n[1]
		case words[0] == "file" && len(words) == 4:
			n := numbers(words[1:])
			is = append(is, repo.Identity{Ino: uint64(n[0]), Size: n[1], ModTime: n[2]})
		default:
			return nil, fmt.Errorf("%w: it cannot be read", errTable)
		}
	}
	for k := range files {
		if len(is) != len(files) || !is[k].SameFile(files[k]) || size[k] > files[k].Size {
			return nil, fmt.Errorf("%w: it is about other files", errTable)
		}
	}
	if err := wellCut(pieces); err != nil {
		return nil, fmt.Errorf("%w: %w", errTable, err)
	}
	return pieces, nil
}

// numbers reads decimal numbers; what is none is 0, which fits no file.
func numbers(words []string) []int64 {
	list := make([]int64, len(words))
	for i, w := range words {
		list[i], _ = strconv.ParseInt(w, 10, 64)
	}
	return list
}

// saveTable keeps what is known of the databases that have just been published. Nothing
// depends on it: it is not synced, and a torn one has another checksum.
func (g *gensync) saveTable() {
	if len(g.pieces) == 0 {
		return
	}
	fsys := g.repo.FS
	ids, err := g.identities(fsys, g.published)
	if err != nil {
		return
	}
	name := path.Join(g.published, tableFile)
	f, err := fsys.Create(name, g.repo.PrivateFileMode())
	if err != nil {
		return
	}
	_, err = f.Write(formatTable(g.pieces, ids))
	if errors.Join(err, f.Close()) != nil {
		_ = fsys.Remove(name)
	}
}

// identities are those of both databases in a folder.
func (f Format) identities(fsys vfs.FS, folder string) (ids [2]repo.Identity, err error) {
	for k := range ids {
		if ids[k], err = repo.Identify(fsys, path.Join(folder, f.file(Kind(k)))); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// readTable returns the pieces of two files in a folder; nil if there is no table of them.
func readTable(fsys vfs.FS, folder string, files [2]repo.Identity) []piece {
	text, err := vfs.ReadFile(fsys, path.Join(folder, tableFile), maxTable)
	if err != nil {
		return nil
	}
	pieces, err := parseTable(text, files)
	if err != nil {
		return nil
	}
	return pieces
}
