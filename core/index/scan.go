package index

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/stanza"
)

// cut is how long pieces are meant to be, in bytes of text; 0 is the usual.
type cut int64

// usualCut is a balance: a larger piece costs more to write again, a smaller one
// compresses worse, as gzip looks back 32 KiB.
const usualCut cut = 256 << 10

func (c cut) target() int64 { return int64(cmp.Or(c, usualCut)) }

// thin is what is too short to stand alone, and most what is cut up.
func (c cut) thin() int64 { return c.target() / 2 }
func (c cut) most() int64 { return c.target() + c.target()/2 }

// scanner cuts an index into pieces, and looks at every stanza in it.
type scanner struct {
	src *indexFile
	// mark parses a stanza.
	mark func(text string) (mark, error)
	// max is the number of stanzas allowed.
	max int
	cut cut
	// keep keeps all texts in memory.
	keep   bool
	pieces []*piece
	// stanzas and lines are how many came before.
	stanzas, lines int
	warnings       []report.Finding
}

func (s *scanner) warn(line int, message, hint string) {
	s.warnings = append(s.warnings, report.Finding{
		Code: report.CodeIndex, Severity: report.SeverityWarning,
		File: s.src.name, Line: line, Message: message, Hint: hint,
	})
}

// binaryIndex cuts at the ends of gzip members, where they are ends of stanzas too.
func (s *scanner) binaryIndex(r io.Reader, size int64) error {
	g, err := archive.NewGzipMembers(r, size, archive.DefaultLimits())
	if err != nil {
		return unreadable(s.src.name, err)
	}
	var text bytes.Buffer
	from := int64(0)
	for {
		switch err = g.Next(); {
		case err == io.EOF:
			return s.piece(text.Bytes(), from, g.Start()-from)
		case errors.Is(err, archive.ErrTrailing):
			s.warn(0, fmt.Sprintf("%d bytes stand after the end of the gzip data", size-g.Start()),
				"mmpack's own repository tool cannot open such a file; the next publish writes it without them")
			return s.piece(text.Bytes(), from, g.Start()-from)
		case err != nil:
			return s.failed(err)
		}
		if bytes.HasSuffix(text.Bytes(), []byte("\n\n")) {
			if err := s.piece(text.Bytes(), from, g.Start()-from); err != nil {
				return err
			}
			text.Reset()
			from = g.Start()
		}
		if _, err := text.ReadFrom(g); err != nil {
			return s.failed(err)
		}
	}
}

// sourceIndex cuts after empty lines.
func (s *scanner) sourceIndex(r io.Reader) error {
	var text []byte
	from := int64(0)
	for {
		block := make([]byte, s.cut.target())
		n, err := io.ReadFull(r, block)
		text = append(text, block[:n]...)
		end := len(text)
		if err == nil {
			before := max(0, len(text)-n-1) // searched already
			if end = before + bytes.LastIndex(text[before:], []byte("\n\n")) + 2; end < before+2 {
				continue
			}
		} else if err != io.EOF && err != io.ErrUnexpectedEOF {
			return unreadable(s.src.name, err)
		}
		if perr := s.piece(text[:end], from, int64(end)); perr != nil {
			return perr
		}
		if err != nil {
			return nil
		}
		from, text = from+int64(end), append([]byte(nil), text[end:]...)
	}
}

// failed says what is wrong with the file as an archive, or with the disk.
func (s *scanner) failed(err error) error {
	if errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit) {
		return damaged(s.src.name, err)
	}
	return unreadable(s.src.name, err)
}

// piece takes the stanzas of one piece. A piece that is too large to be worth reading
// twice keeps its texts: whoever writes the index needs them.
func (s *scanner) piece(text []byte, from, size int64) error {
	p := &piece{src: s.src, from: from, size: size}
	whole := string(text)
	rest, even := whole, true
	in := stanza.NewScanner(strings.NewReader(whole))
	for in.Scan() {
		t := string(in.Text())
		if s.stanzas++; s.stanzas > s.max {
			return damaged(s.src.name, fmt.Errorf("line %d: more than %d stanzas", s.lines+in.Line(), s.max))
		}
		m, err := s.mark(t)
		if err != nil {
			return damaged(s.src.name, atLine(s.lines+in.Line(), err))
		}
		even = even && strings.HasPrefix(rest, t)
		if even {
			t, rest = rest[:len(t)], rest[len(t):]
		}
		p.add(m, len(t))
		if s.keep || int64(len(text)) > s.cut.most() {
			p.texts = append(p.texts, t)
		}
	}
	if err := in.Err(); err != nil {
		return damaged(s.src.name, err)
	}
	if in.LeadingBlank() && s.lines == 0 {
		s.warn(1, "an empty line stands before the first stanza",
			"mmpack's programs crash on it; the next publish writes the file without it")
	}
	p.ragged = !even || rest != ""
	s.lines += strings.Count(whole, "\n")
	if p.len() > 0 {
		s.pieces = append(s.pieces, p)
	}
	return nil
}

// atLine puts the place in the file in front of an error about one stanza.
func atLine(first int, err error) error {
	if syntax, ok := errors.AsType[*stanza.SyntaxError](err); ok {
		return fmt.Errorf("%w: %w", ErrStanza, &stanza.SyntaxError{Line: first + syntax.Line - 1, What: syntax.What})
	}
	return fmt.Errorf("line %d: %w", first, err)
}

func damaged(file string, err error) error {
	return &report.Error{
		Stage: "plan", Code: report.CodeIndex, Kind: report.KindInternal, File: file, Err: err,
		Hint: "nothing was changed; restore both index files from a backup, or write them again with the tool that made them",
	}
}

func unreadable(file string, err error) error {
	return &report.Error{Stage: "plan", Code: report.CodeDisk, Kind: report.KindInternal, File: file, Err: err}
}
