package ssh

import (
	"errors"
	"strings"
)

// Split splits a command line into words as a shell does, with quotes and
// backslashes, and does nothing else that a shell does.
func Split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inside, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`\n", r) {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			inside, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			inside, quote = true, r
		case strings.ContainsRune(" \t\n", r):
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed, or a backslash stands at the end")
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// Quote returns a word so that the shell of the other side, be it a POSIX shell, csh
// or fish, takes it as it is: quotes, backslashes and '!' stand behind a backslash,
// outside of the quotes. The word must not have a line break in it.
func Quote(word string) string {
	if word != "" && strings.IndexFunc(word, needsQuote) < 0 {
		return word
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(word) {
		c := word[i]
		if c == '\'' || c == '\\' || c == '!' {
			b.WriteString(`'\`)
			b.WriteByte(c)
			b.WriteByte('\'')
			continue
		}
		b.WriteByte(c)
	}
	b.WriteByte('\'')
	return b.String()
}

func needsQuote(r rune) bool {
	safe := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,", r)
	return !safe
}

// QuoteAll is a command line of these words.
func QuoteAll(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}
