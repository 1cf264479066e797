package tupkg

import (
	"strconv"
	"strings"
)

// message is a parsed body of version 1: raw values, as they stand on the wire.
// Escapes are undone later, when the dialect is known.
type message struct {
	raw map[string]string
	// glued: a '&' was missing before a name, as in the document's example.
	glued bool
}

// filler is what may stand around a line that the document's example breaks.
const filler = " \t\r\n\\"

// parseMessage splits a body at '&' and '='. A key that is there twice, a part with
// no '=', more than maxKeys keys or a value of more than maxValue bytes is a
// violation. No error shows a value: it may be a password.
func parseMessage(body []byte, maxKeys, maxValue int) (message, error) {
	m := message{raw: make(map[string]string)}
	for part := range strings.SplitSeq(string(body), "&") {
		if part = strings.TrimLeft(part, filler); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return m, fault("", "a part of the message is not key=value")
		}
		if md5, name, is := unglue(key, value); is {
			m.glued = true
			nameKey, nameValue, _ := strings.Cut(name, "=")
			if err := m.add(nameKey, nameValue, maxKeys, maxValue); err != nil {
				return m, err
			}
			value = md5
		}
		if err := m.add(key, value, maxKeys, maxValue); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m message) add(key, value string, maxKeys, maxValue int) error {
	const keyBytes = 64
	_, twice := m.raw[key]
	switch {
	case len(key) > keyBytes:
		return fault("", "a key has %d bytes; at most %d are taken", len(key), keyBytes)
	case twice:
		return fault(key, "the key is there twice")
	case len(value) > maxValue:
		return fault(key, "its value has %d bytes; at most %d are taken", len(value), maxValue)
	case len(m.raw) >= maxKeys:
		return fault("", "the message has more than %d keys", maxKeys)
	}
	m.raw[key] = value
	return nil
}

// unglue separates "abcd name2=p2" when it stands as the value of an md5sum key. No
// '&' is needed to tell them apart: 'n' is not a hexadecimal digit.
func unglue(key, value string) (md5, name string, ok bool) {
	number, is := strings.CutPrefix(key, "md5sum")
	at := strings.Index(value, "name")
	if !is || at < 0 || !isDigits(number) {
		return "", "", false
	}
	md5, name = strings.TrimRight(value[:at], filler), value[at:]
	nameKey, _, hasValue := strings.Cut(name, "=")
	return md5, name, hasValue && isHex(md5) && isDigits(strings.TrimPrefix(nameKey, "name"))
}

// escape writes a value so that both dialects read it: '%', '+', '&', ';', '=',
// space, controls and everything beyond ASCII as %XX, all else, '@' included, raw.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("%+&;=", c) >= 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape undoes %XX; and '+' for a space where plus is set, as the historical code
// does. A '%' that two hexadecimal digits do not follow stays, as it does there.
func unescape(s string, plus bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && plus:
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1:i+3]):
			v, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			b.WriteByte(byte(v))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// parseCount reads a number of bytes or files: decimal digits with no sign and no
// zero in front, up to the greatest int64.
func parseCount(s string) (int64, bool) {
	if !isDigits(s) || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
