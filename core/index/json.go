package index

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// rawText is how a stanza goes through JSON whose text is not UTF-8 (some tools
// write the index in the machine's own encoding): JSON would change its bytes.
type rawText struct {
	Raw []byte `json:"raw,omitempty"`
	// Fresh is set if the stanza was in no index: its Text was empty.
	Fresh bool `json:"fresh,omitempty"`
}

func newRawText(text, formatted string) rawText {
	if text == "" {
		return rawText{[]byte(formatted), true}
	}
	return rawText{[]byte(text), false}
}

type plainBinary Binary

// MarshalJSON writes the values and Text; the stanza's bytes if they are not UTF-8.
func (b Binary) MarshalJSON() ([]byte, error) {
	formatted := FormatBinary(b)
	if utf8.ValidString(formatted) && utf8.ValidString(b.Text) {
		return json.Marshal(plainBinary(b))
	}
	return json.Marshal(newRawText(b.Text, formatted))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Binary) UnmarshalJSON(data []byte) error {
	var in struct {
		plainBinary
		rawText
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("binary stanza: %w", err)
	}
	*b = Binary(in.plainBinary)
	if in.Raw == nil {
		return nil
	}
	var err error
	*b, err = ParseBinary(string(in.Raw))
	if in.Fresh {
		b.Text = ""
	}
	return err
}

type plainSource Source

// MarshalJSON is as in [Binary].
func (s Source) MarshalJSON() ([]byte, error) {
	formatted := FormatSource(s)
	if utf8.ValidString(formatted) && utf8.ValidString(s.Text) {
		return json.Marshal(plainSource(s))
	}
	return json.Marshal(newRawText(s.Text, formatted))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Source) UnmarshalJSON(data []byte) error {
	var in struct {
		plainSource
		rawText
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("source stanza: %w", err)
	}
	*s = Source(in.plainSource)
	if in.Raw == nil {
		return nil
	}
	var err error
	*s, err = ParseSource(string(in.Raw))
	if in.Fresh {
		s.Text = ""
	}
	return err
}
