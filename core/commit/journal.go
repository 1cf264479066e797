package commit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// journalVersion is the form that this program writes and reads.
const journalVersion = 1

// journalMagic begins the first line: magic, version, SHA-256 of the rest.
const journalMagic = "mmpush-journal"

// journalLimit bounds what is read back; a stanza in an intent is some 600 bytes.
const journalLimit = 512 << 20

// journalTemp is the journal while it is written.
const journalTemp = repo.JournalFile + ".new"

// journal is a decided change.
type journal struct {
	Transaction string `json:"transaction"`
	// Decision is the name of the decision that Participants share; empty if the change
	// is of this repository alone.
	Decision     string        `json:"decision,omitempty"`
	Participants []Participant `json:"participants,omitempty"`

	Stage    string          `json:"stage"`
	Intent   json.RawMessage `json:"intent"`
	Puts     []Put           `json:"puts,omitempty"`
	Switches []journalSwitch `json:"switches"`
	Retires  []Retire        `json:"retires,omitempty"`
	// Foreign is the generation ahead of this one, of what somebody else has done.
	Foreign    *repo.Generation `json:"foreign,omitempty"`
	Generation repo.Generation  `json:"generation"`
}

// journalSwitch is one index file to replace.
type journalSwitch struct {
	Index string `json:"index"`
	// From is the staged file, below the repository.
	From string        `json:"from"`
	Base repo.Identity `json:"base"`
	Next repo.Identity `json:"next"`
	// SHA256 is of the staged file, or of what the staged link says.
	SHA256 string `json:"sha256"`
	Link   bool   `json:"link,omitempty"`
}

func formatJournal(j journal) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	// Descriptions have < and &; six bytes for each would be waste.
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		return nil, err
	}
	body := text.Bytes()
	sum := sha256.Sum256(body)
	head := fmt.Sprintf("%s %d %s\n", journalMagic, journalVersion, hex.EncodeToString(sum[:]))
	return append([]byte(head), body...), nil
}

// parseJournal reads a journal whole or not at all.
func parseJournal(text []byte) (journal, error) {
	head, body, _ := bytes.Cut(text, []byte("\n"))
	words := strings.Fields(string(head))
	if len(words) != 3 || words[0] != journalMagic {
		return journal{}, errors.New("does not begin with its mark")
	}
	if v, err := strconv.Atoi(words[1]); err != nil || v != journalVersion {
		return journal{}, fmt.Errorf("has version %s; this program knows version %d", words[1], journalVersion)
	}
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != words[2] {
		return journal{}, errors.New("does not have its checksum")
	}
	var j journal
	if err := json.Unmarshal(body, &j); err != nil {
		return journal{}, err
	}
	return j, j.check()
}

// check refuses names that lead elsewhere; vfs would, too, but in mid-commit.
func (j journal) check() error {
	if (j.Decision == "") != (len(j.Participants) == 0) || j.Decision != path.Base(path.Clean("/"+j.Decision)) && j.Decision != "" {
		return fmt.Errorf("shares the decision %q with %d repositories", j.Decision, len(j.Participants))
	}
	if j.Transaction == "" || len(j.Switches) == 0 {
		return errors.New("names no transaction or no index file")
	}
	if !fs.ValidPath(j.Stage) || path.Dir(j.Stage) != repo.StageDir {
		return fmt.Errorf("names %q as its stage", j.Stage)
	}
	for _, p := range j.Puts {
		if !fs.ValidPath(p.From) || p.From == "." || !fs.ValidPath(p.To) || p.To == "." {
			return fmt.Errorf("moves %q to %q", p.From, p.To)
		}
	}
	for _, s := range j.Switches {
		if path.Base(s.Index) != s.Index || !fs.ValidPath(s.Index) || path.Dir(s.From) != j.Stage {
			return fmt.Errorf("switches %q to %q", s.Index, s.From)
		}
	}
	return nil
}

// writeJournal writes a journal under one of its two names, once what it tells of is
// durable; as JournalFile, it is the commit point.
func (tx *Tx) writeJournal(j journal, name string, durable *aside) error {
	err := tx.writeTemp(j)
	if lost := durable.wait(); lost != nil {
		// What cannot be removed now is replaced by the next journal.
		_ = tx.repo.FS.Remove(journalTemp)
		return errors.Join(lost, err)
	}
	if err != nil {
		return err
	}
	return vfs.PutInPlace(tx.repo.FS, journalTemp, name)
}

// writeTemp writes the journal where nobody looks for it.
func (tx *Tx) writeTemp(j journal) error {
	text, err := formatJournal(j)
	if err != nil {
		return err
	}
	if len(text) > journalLimit {
		return fmt.Errorf("the journal would have %d bytes; at most %d can be read back: publish less at once", len(text), journalLimit)
	}
	return vfs.CreateAnew(tx.repo.FS, journalTemp, tx.repo.PrivateFileMode(), text)
}

// readJournal returns nil if there is none.
func (tx *Tx) readJournal(name string) (*journal, error) { return readJournal(tx.repo, name) }

func readJournal(r *repo.Repo, name string) (*journal, error) {
	file := path.Join(r.Path, name)
	text, err := vfs.ReadFile(r.FS, name, journalLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, repo.DiskError("recover", file, err)
	}
	j, err := parseJournal(text)
	if err != nil {
		return nil, &report.Error{
			Stage: "recover", Code: report.CodeJournal, Kind: report.KindInternal, File: file, Err: err,
			Hint: "an interrupted publish cannot be finished by this program; nothing was changed",
		}
	}
	return &j, nil
}
