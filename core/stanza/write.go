package stanza

import (
	"strings"
	"unicode/utf8"
)

// width is the length in code points above which mmpack's tools fold a line.
const width = 80

// Representable reports whether the value reads back as itself. Only these do
// not: one with a carriage return or a NUL byte, and one that has a line of
// exactly "." after a newline, since that line means a newline. [Parse] returns
// no such value.
func Representable(value string) bool {
	if strings.ContainsAny(value, "\r\x00") {
		return false
	}
	return !strings.Contains(value+"\n", "\n.\n")
}

// AppendField appends one field in its text form, with the newline that ends it,
// and returns the extended slice. With fold, long lines are folded where mmpack's
// own tools fold them; mmpack folds the description only. The key holds
// neither ':' nor a newline.
//
// A value that is not [Representable] never gets out of its field, but reads back
// changed: carriage returns and NUL bytes are written as spaces, and a line "."
// reads as a newline.
func AppendField(dst []byte, key, value string, fold bool) []byte {
	if strings.ContainsAny(value, "\r\x00") {
		value = strings.NewReplacer("\r", " ", "\x00", " ").Replace(value)
	}
	w := writer{dst, fold}
	first, rest, more := strings.Cut(value, "\n")
	w.first(key, first, more)
	for more {
		w.dst = append(w.dst, " .\n"...)
		first, rest, more = strings.Cut(rest, "\n")
		if first != "" {
			w.pieces(" " + first)
		}
	}
	return w.dst
}

type writer struct {
	dst  []byte
	fold bool
}

// first writes the key and the value's first logical line. The C client takes the
// last ':' of the first physical line as the key's end, and drops the white space
// after it: what must not stand there goes to a continuation line.
func (w *writer) first(key, value string, more bool) {
	switch {
	case value == "" && more:
		// Without the empty continuation the C client takes the next line, which
		// stands for a newline, as a dot.
		w.dst = append(append(w.dst, key...), ":\n \n"...)
	case value == "":
		w.dst = append(append(w.dst, key...), ":\n"...)
	case startsBadly(value) || !w.fold && strings.Contains(value, ":"):
		w.dst = append(append(w.dst, key...), ":\n "...)
		w.pieces(value)
	default:
		w.piecesFrom(key+": "+value, cutFirst(key+": "+value, len(key)+1, w.fold))
	}
}

// startsBadly reports whether the value's first character would get lost, or
// would take the value with it, on the first physical line.
func startsBadly(value string) bool { return strings.ContainsRune(": \t\v\f", rune(value[0])) }

// pieces writes text over as many lines as folding asks for. The first goes where
// the writer stands, each other one behind the space that marks a continuation.
func (w *writer) pieces(text string) {
	cut := 0
	if w.fold {
		cut = cutAt(text)
	}
	w.piecesFrom(text, cut)
}

// piecesFrom is pieces with the first cut known; 0 is none.
func (w *writer) piecesFrom(text string, cut int) {
	for cut > 0 {
		w.dst = append(append(w.dst, text[:cut]...), "\n "...)
		text = text[cut:]
		cut = cutAt(text)
	}
	w.dst = append(append(w.dst, text...), '\n')
}

// cutFirst returns where the first physical line ends; 0 is nowhere. The value
// starts at from, after the key's own ':'.
func cutFirst(line string, from int, fold bool) int {
	if !fold {
		return 0
	}
	cut, end := cutAt(line), len(line)
	if cut > from {
		end = cut
	} else {
		cut = 0 // a space inside the key is no place to fold
	}
	if i := strings.IndexByte(line[from:end], ':'); i >= 0 {
		return from + i
	}
	return cut
}

// cutAt returns where text is folded: after the last space within the width, else
// after the first space beyond it; 0 if it is short enough or has no space. It
// never leaves a rest of ".", which would read as a newline.
func cutAt(text string) int {
	end := widthOf(text)
	if end == len(text) {
		return 0
	}
	cut := strings.LastIndexByte(text[:end], ' ') + 1
	if cut == 0 {
		i := strings.IndexByte(text[end:], ' ')
		if i < 0 {
			return 0
		}
		cut = end + i + 1
	}
	if text[cut:] == "." {
		return strings.LastIndexByte(text[:cut-1], ' ') + 1
	}
	return cut
}

// widthOf returns the length in bytes of the first width code points of text.
func widthOf(text string) int {
	end := 0
	for n := 0; n < width && end < len(text); n++ {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	return end
}
