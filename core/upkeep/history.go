package upkeep

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// history looks whether each generation follows on the one before. The last line may be
// torn: the next commit cuts it.
func (c *checker) history() error {
	f, err := c.r.FS.Open(repo.HistoryFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	line, problem, err := broken(f)
	if err != nil || problem == "" {
		return err
	}
	d := c.tell(report.CodeHistory, report.SeverityError, repo.HistoryFile, problem)
	d.Line = line
	d.Hint = "restore it from a backup"
	d.Repair = "set it aside, so that a new history begins; what is published is not touched"
	d.Mend = func() error {
		if err := c.r.FS.Rename(repo.HistoryFile, repo.HistoryFile+".damaged-"+c.r.Now().UTC().Format("20060102T150405Z")); err != nil {
			return err
		}
		return c.r.FS.SyncDir(repo.MetaDir)
	}
	return nil
}

// broken finds the first line of a history that does not follow on the one before, and
// says why.
func broken(r io.Reader) (line int, problem string, err error) {
	in := bufio.NewReader(r)
	var number uint64
	previous := ""
	for line = 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return 0, "", nil
		}
		if err != nil {
			return line, "", err
		}
		text = text[:len(text)-1]
		if len(text) == 0 {
			continue
		}
		var g repo.Generation
		switch err := json.Unmarshal(text, &g); {
		case err != nil:
			return line, "a line of the history cannot be read", nil
		case g.Number != number+1:
			return line, fmt.Sprintf("generation %d stands behind generation %d", g.Number, number), nil
		case g.Previous != previous:
			return line, fmt.Sprintf("generation %d does not follow on the one before it: that was changed", g.Number), nil
		}
		sum := sha256.Sum256(text)
		number, previous = g.Number, hex.EncodeToString(sum[:])
	}
}
