package contents

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
)

// attributes are what a package's .MTREE says of one member; what it does not say is empty.
type attributes struct {
	kind, mode, size, sha256, link string
}

// errMtree is about a .MTREE that makepkg does not write.
var errMtree = errors.New("is not a list as makepkg writes it")

// readMtree reads a .MTREE: lines of a path and words KEY=VALUE, and lines /set that say
// what holds for those after them.
func readMtree(r io.Reader, size int64, l archive.Limits) (map[string]attributes, error) {
	z, err := archive.Gzip(r, size, l)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	all := map[string]attributes{}
	var usual attributes
	in := bufio.NewReaderSize(z, maxLine)
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return all, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, errMtree
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		words := strings.Fields(string(line))
		switch {
		case first && (len(words) != 1 || words[0] != "#mtree"):
			return nil, errMtree
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "/set":
			usual = usual.with(words[1:])
		case words[0] == "/unset" || len(all) == l.Members:
			return nil, errMtree
		default:
			name, ok := unescape(words[0])
			if _, twice := all[name]; !ok || twice {
				return nil, errMtree
			}
			all[name] = usual.with(words[1:])
		}
	}
}

func (s attributes) with(words []string) attributes {
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "type":
			s.kind = value
		case "mode":
			s.mode = value
		case "size":
			s.size = value
		case "sha256digest":
			s.sha256 = value
		case "link":
			s.link, _ = unescapeOctal(value)
		}
	}
	return s
}

// unescape is the name of a member in a path of a .MTREE.
func unescape(text string) (string, bool) {
	name, ok := strings.CutPrefix(text, "./")
	if !ok || name == "" {
		return "", false
	}
	return unescapeOctal(name)
}

// unescapeOctal reads \ooo, which stands for one byte.
func unescapeOctal(text string) (string, bool) {
	if !strings.Contains(text, `\`) {
		return text, true
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		if i+4 > len(text) {
			return "", false
		}
		n, err := strconv.ParseUint(text[i+1:i+4], 8, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 3
	}
	return b.String(), true
}
