package index

import (
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/stanza"
)

// keyDescription is the key that is folded, and that is written even if its value
// is empty: the real client crashes on a stanza without it.
const keyDescription = "description"

// FormatBinary returns the stanza of b as mmpack's own repository tool writes it,
// with the empty line that ends it, made safe for the real client. It is made from
// the values; Text is not looked at.
func FormatBinary(b Binary) string {
	var out []byte
	for _, f := range []stanza.Field{
		{Key: "name", Value: b.Name},
		{Key: "version", Value: b.Version},
		{Key: "source", Value: b.Source},
		{Key: "srcsha256", Value: b.SrcSHA256},
		{Key: "ghost", Value: b.Ghost},
		{Key: "sumsha256sums", Value: b.SumSHA256Sums},
		{Key: "depends", Value: b.Depends},
		{Key: "sysdepends", Value: b.SysDepends},
		{Key: keyDescription, Value: b.Description},
		{Key: "filename", Value: b.Filename},
		{Key: "size", Value: formatSize(b.Size)},
		{Key: "sha256", Value: b.SHA256},
	} {
		if f.Value != "" || f.Key == keyDescription {
			out = stanza.AppendField(out, f.Key, f.Value, f.Key == keyDescription)
		}
	}
	return string(append(out, '\n'))
}

// FormatSource returns the stanza of s, as FormatBinary does. In the source index
// each field is one line whatever its value: its readers know no continuation.
func FormatSource(s Source) string {
	var out strings.Builder
	for _, f := range []stanza.Field{
		{Key: "name", Value: s.Name},
		{Key: "filename", Value: s.Filename},
		{Key: "sha256", Value: s.SHA256},
		{Key: "size", Value: formatSize(s.Size)},
		{Key: "version", Value: s.Version},
	} {
		if f.Value != "" {
			out.WriteString(f.Key + ": " + oneLine(f.Value) + "\n")
		}
	}
	out.WriteByte('\n')
	return out.String()
}

// binaryText returns the stanza as it is published, or as it will be.
func binaryText(b Binary) string {
	if b.Text == "" {
		return FormatBinary(b)
	}
	return ended(b.Text)
}

// sourceText is binaryText for a source.
func sourceText(s Source) string {
	if s.Text == "" {
		return FormatSource(s)
	}
	return ended(s.Text)
}

// formatSize leaves out a size that nobody knows; no published file is empty.
func formatSize(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// oneLine keeps a value from becoming more than one line; [Apply] then refuses the
// stanza, since it does not read back.
func oneLine(value string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\x00", " ").Replace(value)
}
