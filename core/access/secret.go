package access

import "log/slog"

// hidden stands wherever a secret would be printed.
const hidden = "[secret]"

// sealed holds what must not be printed. fmt asks no String of a field that is not
// exported, and follows pointers when a verb does not fit; of a function it prints
// an address and nothing else.
type sealed[T any] func() *T

func seal[T any](v *T) sealed[T] { return func() *T { return v } }

// Secret is a password or a token on its way through the program. It prints as
// [secret], or as an address, in every form.
type Secret struct{ text sealed[string] }

// NewSecret takes the text as it is.
func NewSecret(text string) Secret { return Secret{seal(&text)} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text()
}

// String hides the text.
func (s Secret) String() string { return hidden }

// GoString hides the text.
func (s Secret) GoString() string { return hidden }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text, in JSON too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
