package gitpush

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mmpush/mmpush/core/report"
)

const (
	// maxUpdates bounds the refs of one push.
	maxUpdates = 200_000
	// maxLine bounds a line of git: two ids and a ref's name, which is a path.
	maxLine = 16 << 10
)

// ID is the id of a git object.
type ID = plumbing.Hash

// Update is one ref of a push. Old is zero for a new ref, New for a deleted one.
type Update struct {
	Old, New ID
	Ref      string
}

// Deletes reports whether the ref is gone.
func (u Update) Deletes() bool { return u.New.IsZero() }

// ParseUpdates reads the lines that git writes to its hooks, to their end. What is
// wrong with them is a *[report.Error]: git does not write such lines.
func ParseUpdates(r io.Reader) ([]Update, error) {
	var list []Update
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return list, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, inputError(fmt.Errorf("line %d: %w", len(list)+1, err))
		}
		u, err := parseUpdate(strings.TrimSuffix(string(line), "\n"))
		if err == nil && len(list) == maxUpdates {
			err = fmt.Errorf("more than %d refs in one push", maxUpdates)
		}
		if err != nil {
			return nil, inputError(fmt.Errorf("line %d: %w", len(list)+1, err))
		}
		list = append(list, u)
	}
}

func parseUpdate(line string) (Update, error) {
	words := strings.SplitN(line, " ", 3)
	if len(words) != 3 || words[2] == "" {
		return Update{}, errors.New("is not `OLD NEW REF`")
	}
	for _, id := range words[:2] {
		if len(id) == 64 && isHex(id) {
			return Update{}, errors.New("is of a repository with SHA-256 object ids; only SHA-1 is supported")
		}
		if len(id) != 40 || !isHex(id) {
			return Update{}, fmt.Errorf("%.80q is not an object id", id)
		}
	}
	return Update{plumbing.NewHash(words[0]), plumbing.NewHash(words[1]), words[2]}, nil
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

func inputError(err error) error {
	return &report.Error{
		Stage: "push", Code: report.CodeUsage, Kind: report.KindUsage, File: "standard input", Err: err,
		Hint: "git writes a line `OLD NEW REF` for each ref; see mmpush hook --help",
	}
}
