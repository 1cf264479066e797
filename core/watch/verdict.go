package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Waiting is the result of an upload that is not whole yet, or that could not be
// published yet. Every other result is final.
const Waiting report.Result = "waiting"

const (
	// verdictAge is how long a verdict stays for whoever asks for it.
	verdictAge = 7 * 24 * time.Hour
	// pruneEvery is how often old verdicts are looked for.
	pruneEvery = time.Hour

	verdictSuffix = ".json"
	// nameLimit is the longest name of a file, asideRoom what we may add to one.
	nameLimit = 255
	asideRoom = 32
)

// Verdict is what became of one upload: the JSON of verdicts/MANIFEST.json and of
// report.json.
type Verdict struct {
	report.Report
	// ID names the upload, here and in the log. The same manifest brought once more
	// gets another one.
	ID string `json:"id"`
	// ManifestSHA256 is that of the manifest's text; empty if it could not be read.
	ManifestSHA256 string `json:"manifest_sha256,omitempty"`
	// Updated is when the verdict was written, in UTC.
	Updated time.Time `json:"updated"`
	// Error is why an upload could not be published yet, if it is not the upload's
	// fault.
	Error *Trouble `json:"error,omitempty"`
	// PublishedBefore: the same manifest was published from this folder before.
	PublishedBefore bool `json:"published_before,omitempty"`
	// Rejected is the folder below the drop folder that the files were moved to.
	Rejected string `json:"rejected,omitempty"`
	// Left are files of the upload that stayed in the drop folder.
	Left []Left `json:"left,omitempty"`
}

// Trouble is an error of the machine or of the repository.
type Trouble struct {
	Code    report.Code `json:"code"`
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"`
}

// Left is a file that stayed in the drop folder, and why.
type Left struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// verdict is a report about an upload that has come in here.
func (s *Scanner) verdict(a *arrival, rep report.Report) Verdict {
	rep.Schema, rep.Manifest = report.Schema, a.name
	rep.Repository, rep.Architecture = s.repository, s.arch
	return Verdict{Report: rep, ID: a.id, ManifestSHA256: a.sum}
}

// wait tells, once, what an upload waits for.
func (s *Scanner) wait(a *arrival, problems []report.Finding) {
	first := a.told == "" && a.untold == ""
	waiting := make([]report.Finding, len(problems))
	reason := "waits"
	for i, f := range problems {
		f.Severity = report.SeverityWarning
		waiting[i] = f
		reason += "\n" + f.String()
	}
	s.tell(a, reason, s.verdict(a, report.Report{Result: Waiting, Findings: waiting}))
	if first {
		s.opt.Log.Info("waiting", "upload", a.name, "id", a.id, "problems", len(problems), "first", problems[0].Message)
	}
}

// tellTrouble tells, once, why an upload could not be published yet.
func (s *Scanner) tellTrouble(a *arrival, err error) {
	v := s.verdict(a, report.Report{Result: Waiting})
	v.Error = &Trouble{Code: report.CodeOf(err), Message: err.Error()}
	if e, ok := errors.AsType[*report.Error](err); ok {
		v.Error.Hint = e.Hint
	}
	if v.Error.Code == report.CodeLocked {
		// The hint of the lock is for who waits at a command line.
		v.Error.Hint = "nothing has to be done: the watcher tries again by itself"
	}
	// The message may name a stage, which is another one each time.
	s.tell(a, string(v.Error.Code)+"\n"+v.Error.Hint, v)
}

// tell writes a verdict that is not final, if its reason is a new one.
func (s *Scanner) tell(a *arrival, reason string, v Verdict) {
	sum := sha256.Sum256([]byte(reason))
	key := hex.EncodeToString(sum[:])
	if a.told == key {
		return
	}
	v.PublishedBefore = s.publishedBefore(a)
	if err := s.writeVerdict(v); err == nil {
		a.told = key
	} else if a.untold != key {
		a.untold = key
		s.opt.Log.Error("the verdict could not be written", "upload", a.name, "id", a.id, "error", err)
	}
}

// document is the JSON of a verdict.
func (v Verdict) document() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// VerdictFile is where the verdict on a manifest is, below the drop folder. A name
// that would get too long is cut, and ends with a part of its SHA-256.
func VerdictFile(manifest string) string {
	return path.Join(VerdictDir, fit(manifest, nameLimit-asideRoom)+verdictSuffix)
}

// fit cuts a name that is too long; what it cuts goes into a hash.
func fit(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "-" + hex.EncodeToString(sum[:6])
	cut := limit - len(tail)
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + tail
}

// FinalVerdictFile is where the last final verdict on a manifest with this text is,
// below the drop folder, whatever came under its name since.
func FinalVerdictFile(sha256 string) string { return path.Join(VerdictDir, sha256+verdictSuffix) }

// writeVerdict puts a verdict where the uploader looks for it, in one piece.
func (s *Scanner) writeVerdict(v Verdict) error { return s.writeVerdictTo(VerdictFile(v.Manifest), v) }

// writeFinal puts a final verdict where it is looked for by the manifest's name, and
// where it is found by its text.
func (s *Scanner) writeFinal(v Verdict) error {
	err := s.writeVerdict(v)
	if err == nil && v.ManifestSHA256 != "" {
		err = s.writeVerdictTo(FinalVerdictFile(v.ManifestSHA256), v)
	}
	return err
}

func (s *Scanner) writeVerdictTo(name string, v Verdict) error {
	v.Updated = s.opt.Now().UTC()
	text, err := v.document()
	if err != nil {
		return err
	}
	return vfs.ReplaceFile(s.opt.Drop, name, name+newSuffix, 0o644, text)
}

// prune deletes verdicts that nobody has asked for in time.
func (s *Scanner) prune() {
	now := s.opt.Now()
	if now.Sub(s.pruned) < pruneEvery {
		return
	}
	s.pruned = now
	list, err := s.opt.Drop.ReadDir(VerdictDir)
	live := map[string]bool{}
	for name := range s.arrivals {
		live[VerdictFile(name)] = true
	}
	for _, i := range list {
		name := path.Join(VerdictDir, i.Name)
		if i.IsRegular() && now.Sub(i.ModTime) > verdictAge && !live[name] && name != AboutFile {
			err = errors.Join(err, s.opt.Drop.Remove(name))
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.opt.Log.Error("old verdicts could not be deleted", "error", err)
	}
	s.pruneParts()
}

// rejectedName is a free name for the folder of a refused upload.
func (s *Scanner) rejectedName(a *arrival) string {
	base := strings.TrimSuffix(a.name, s.suffix())
	name := fit(s.opt.Now().UTC().Format("20060102T150405Z")+"-"+base, nameLimit-asideRoom)
	if _, err := s.opt.Drop.Lstat(path.Join(RejectedDir, name)); !errors.Is(err, fs.ErrNotExist) {
		name += "-" + a.id
	}
	return name
}

// readable is the report for people: report.txt.
func (v Verdict) readable(now time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s was not published.\n\n", plain(v.Manifest))
	fmt.Fprintf(&b, "Repository: %s (%s)\nTime: %s\nId: %s\n\n", plain(v.Repository), v.Architecture, now.UTC().Format(time.RFC3339), v.ID)
	for _, f := range v.Findings {
		if f.Refuses() {
			b.WriteString("error: ")
		} else {
			fmt.Fprintf(&b, "%s: ", f.Severity)
		}
		b.WriteString(plain(f.String()) + "\n")
		if f.Hint != "" {
			b.WriteString("    " + plain(f.Hint) + "\n")
		}
	}
	if len(v.Left) > 0 {
		b.WriteString("\nThese files are not in this folder:\n")
		for _, l := range v.Left {
			fmt.Fprintf(&b, "    %s: %s\n", plain(l.File), plain(l.Why))
		}
	}
	b.WriteString("\nAll other files of the upload that had arrived are in this folder; the repository\n" +
		"is as it was. To try again, put right\n" +
		"what is wrong and copy all files into the drop folder, the manifest or\n" +
		"the list last.\n" +
		"`mmpush explain CODE` says more about a code such as MP-SIZE.\n")
	return []byte(b.String())
}

// plain is a text from outside without what would act on a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '?'
	}, text)
}
