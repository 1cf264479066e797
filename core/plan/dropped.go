package plan

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Dropped is a stanza that the plan takes out or replaces, with its place, so that
// it can be put back: either Binary or Source is set.
//
// Its JSON form is the text, since all values follow from it: {"kind", "before",
// "text"}. A text that is not UTF-8 is "raw", in base64.
type Dropped struct {
	Binary *index.InsertBinary
	Source *index.InsertSource
}

// Added names a stanza that a plan puts in: what it takes to know later whether it is
// still that one.
type Added struct {
	Kind    report.PackageKind `json:"kind"`
	Name    string             `json:"name"`
	Version string             `json:"version"`
	SHA256  string             `json:"sha256"`
	// Source and SrcSHA256 are those of a binary.
	Source    string `json:"source,omitempty"`
	SrcSHA256 string `json:"srcsha256,omitempty"`
}

// droppedJSON is the form in the history and in the journal.
type droppedJSON struct {
	Kind   report.PackageKind `json:"kind"`
	Before json.RawMessage    `json:"before,omitempty"`
	Text   string             `json:"text,omitempty"`
	Raw    []byte             `json:"raw,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (d Dropped) MarshalJSON() ([]byte, error) {
	var out droppedJSON
	var text string
	var before any
	switch {
	case d.Binary != nil:
		out.Kind, text = report.Binary, d.Binary.Binary.Text
		if d.Binary.Before != "" {
			before = d.Binary.Before
		}
	case d.Source != nil:
		out.Kind, text = report.Source, d.Source.Source.Text
		if d.Source.Before != (index.SourceKey{}) {
			before = d.Source.Before
		}
	default:
		return nil, errors.New("a dropped stanza is neither of a binary nor of a source")
	}
	if out.Text = text; !utf8.ValidString(text) {
		out.Text, out.Raw = "", []byte(text)
	}
	if before != nil {
		var err error
		if out.Before, err = json.Marshal(before); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Dropped) UnmarshalJSON(data []byte) error {
	var in droppedJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	text := in.Text
	if text == "" {
		text = string(in.Raw)
	}
	*d = Dropped{}
	var err error
	var before any
	switch in.Kind {
	case report.Binary:
		d.Binary = &index.InsertBinary{}
		before = &d.Binary.Before
		d.Binary.Binary, err = index.ParseBinary(text)
	case report.Source:
		d.Source = &index.InsertSource{}
		before = &d.Source.Before
		d.Source.Source, err = index.ParseSource(text)
	default:
		err = errors.New("a dropped stanza is neither of a binary nor of a source")
	}
	if err != nil || in.Before == nil {
		return err
	}
	return json.Unmarshal(in.Before, before)
}

func addedBinary(b index.Binary) Added {
	return Added{Kind: report.Binary, Name: b.Name, Version: b.Version, SHA256: b.SHA256, Source: b.Source, SrcSHA256: b.SrcSHA256}
}

func addedSource(s index.Source) Added {
	return Added{Kind: report.Source, Name: s.Name, Version: s.Version, SHA256: s.SHA256}
}

// added names the stanza.
func (d Dropped) added() Added {
	if d.Binary != nil {
		return addedBinary(d.Binary.Binary)
	}
	return addedSource(d.Source.Source)
}

// addedBy names what an edit puts in.
func addedBy(v index.View, e index.Edit) ([]Added, error) {
	var list []Added
	for _, b := range e.ReplaceBinaries {
		old, ok, err := v.Binary(b.Name)
		if err != nil {
			return nil, err
		}
		if !ok || !sameValues(old, b) {
			list = append(list, addedBinary(b))
		}
	}
	for _, i := range e.InsertBinaries {
		list = append(list, addedBinary(i.Binary))
	}
	for _, b := range e.AppendBinaries {
		list = append(list, addedBinary(b))
	}
	for _, i := range e.InsertSources {
		list = append(list, addedSource(i.Source))
	}
	for _, s := range e.AppendSources {
		list = append(list, addedSource(s))
	}
	return list, nil
}
