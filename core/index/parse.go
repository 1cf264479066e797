package index

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/stanza"
)

// ErrStanza is in the chain of every error about the text of a stanza.
var ErrStanza = errors.New("damaged stanza")

// ParseBinary reads one stanza of the binary index, with or without the empty line
// that ends it. Unknown keys are only kept in Text. Line ends may be CRLF, as in an
// index that [Heal] has to do with. The error's chain has [ErrStanza], and a
// [stanza.SyntaxError] where a line is to blame.
func ParseBinary(text string) (Binary, error) {
	var p parser
	return p.binary(text)
}

// ParseSource is [ParseBinary] for the source index.
func ParseSource(text string) (Source, error) {
	var p parser
	return p.source(text)
}

// parser keeps its buffer from one stanza to the next.
type parser struct{ fields []stanza.Field }

func (p *parser) read(text string) error {
	if strings.Contains(text, "\r\n") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	var err error
	p.fields, err = stanza.AppendFields(p.fields[:0], text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStanza, err)
	}
	return nil
}

func (p *parser) binary(text string) (Binary, error) {
	if err := p.read(text); err != nil {
		return Binary{}, err
	}
	b := Binary{Text: ended(text)}
	var err error
	for _, f := range p.fields {
		if to := b.field(f.Key); to != nil {
			*to = f.Value
		} else if f.Key == "size" && err == nil {
			b.Size, err = parseSize(f.Value)
		}
	}
	if err == nil {
		err = checkName(b.Name)
	}
	if err != nil {
		return Binary{}, fmt.Errorf("%w: %w", ErrStanza, err)
	}
	return b, nil
}

// field returns where the text of that key goes; nil for a key that is unknown or
// not text.
func (b *Binary) field(key string) *string {
	switch key {
	case "name":
		return &b.Name
	case "version":
		return &b.Version
	case "source":
		return &b.Source
	case "srcsha256":
		return &b.SrcSHA256
	case "ghost":
		return &b.Ghost
	case "sumsha256sums":
		return &b.SumSHA256Sums
	case "depends":
		return &b.Depends
	case "sysdepends":
		return &b.SysDepends
	case keyDescription:
		return &b.Description
	case "filename":
		return &b.Filename
	case "sha256":
		return &b.SHA256
	}
	return nil
}

func (p *parser) source(text string) (Source, error) {
	if err := p.read(text); err != nil {
		return Source{}, err
	}
	s := Source{Text: ended(text)}
	var err error
	for _, f := range p.fields {
		if to := s.field(f.Key); to != nil {
			*to = f.Value
		} else if f.Key == "size" && err == nil {
			s.Size, err = parseSize(f.Value)
		}
	}
	if err == nil {
		err = checkName(s.Name)
	}
	if err != nil {
		return Source{}, fmt.Errorf("%w: %w", ErrStanza, err)
	}
	return s, nil
}

func (s *Source) field(key string) *string {
	switch key {
	case "name":
		return &s.Name
	case "version":
		return &s.Version
	case "filename":
		return &s.Filename
	case "sha256":
		return &s.SHA256
	}
	return nil
}

// checkName refuses a stanza that no client can use. A name is also what edits are
// journaled by, as JSON, which holds UTF-8 only.
func checkName(name string) error {
	if name == "" {
		return errors.New("it has no name")
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("the name %q is not UTF-8", name)
	}
	return nil
}

// parseSize reads a number of bytes.
func parseSize(value string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("the size is %.40q, expected a number of bytes", value)
	}
	return int64(n), nil
}

// ended returns the stanza with exactly one empty line at its end.
func ended(text string) string {
	if strings.HasSuffix(text, "\n\n") && !strings.HasSuffix(text, "\n\n\n") {
		return text
	}
	lines := strings.TrimRight(text, "\r\n")
	if strings.HasPrefix(text[len(lines):], "\r\n") {
		lines += "\r"
	}
	return lines + "\n\n"
}
