package tupkg

import (
	"fmt"
	"strings"
)

// The messages of a version 1 client, and how it reads the server's.

// metadataMessage declares files in one dialect, with the MD5 in lower case: the
// historical server compares the text.
func metadataMessage(files []File, d Dialect, wantReason bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "numpkgs=%d", len(files))
	for i, f := range files {
		b.WriteString(fileKeys(f, i, d))
	}
	if wantReason {
		b.WriteString(wantReasonKey)
	}
	return b.String()
}

const wantReasonKey = "&want=reason"

func fileKeys(f File, i int, d Dialect) string {
	return fmt.Sprintf("&%s=%s&%s=%d&%s=%s", d.key("name", i), escape(f.Name),
		d.key("size", i), f.Size, d.key("md5sum", i), strings.ToLower(f.MD5))
}

// parseReply splits a server's message; a refusal in it is the error. The maximum of
// keys leaves room for a server that repeats everything it was sent.
func parseReply(body []byte, files int) (message, error) {
	m, err := parseMessage(body, 4*files+32, MaxMessage)
	if err != nil {
		return m, err
	}
	result, ok := m.raw["result"]
	if !ok || result == "PASS" {
		return m, nil
	}
	r := &Refusal{Code: CodeDenied, Reason: plainText(unescape(m.raw["reason"], false))}
	switch result {
	case "FAIL":
	case "SQLERR":
		// The historical server's word for a broken user database.
		r.Code, r.Reason = CodeInternal, "it cannot look into its user database now"
	default:
		return m, fault("result", "%s is neither PASS nor FAIL", shown(result))
	}
	return m, r
}

// plainText makes a server's text fit for a terminal: no control characters, valid
// UTF-8.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// parseOffers reads how many bytes the server holds of each file. Keys that it does
// not need are ignored: the historical server repeats all it was sent.
func parseOffers(body []byte, files []File, d Dialect) ([]int64, error) {
	m, err := parseReply(body, len(files))
	if err != nil {
		return nil, err
	}
	if n, ok := parseCount(m.raw["numpkgs"]); !ok || n != int64(len(files)) {
		return nil, fault("numpkgs", "the server answers for %s files; %d were declared", shown(m.raw["numpkgs"]), len(files))
	}
	held := make([]int64, len(files))
	for i, f := range files {
		nameKey, sizeKey := d.key("name", i), d.key("size", i)
		if name, ok := m.raw[nameKey]; ok && name != f.Name && unescape(name, true) != f.Name && unescape(name, false) != f.Name {
			return nil, fault(nameKey, "the server answers for %s; %s was declared", shown(name), shown(f.Name))
		}
		value, ok := m.raw[sizeKey]
		if !ok {
			return nil, fault(sizeKey, "the key is missing; the server may speak the other dialect than %s", d)
		}
		n, ok := parseCount(strings.TrimRight(value, filler))
		if !ok || n > f.Size {
			return nil, fault(sizeKey, "the server claims to hold %s bytes of %s, which has %d", shown(value), shown(f.Name), f.Size)
		}
		held[i] = n
	}
	return held, nil
}

// results is a server's last message.
type results struct {
	files   []FileVerdict
	dialect Dialect
	reason  string
}

// parseResults reads the results of n files, in whichever dialect they are.
func parseResults(body []byte, n int) (results, error) {
	m, err := parseReply(body, n)
	if err != nil {
		return results{}, err
	}
	r := results{dialect: Document, reason: plainText(unescape(m.raw["reason"], false))}
	if _, ok := m.raw["np"]; !ok {
		r.dialect = HistoricalCode
	}
	countKey, prefix := r.dialect.resultKeys()
	if got, ok := parseCount(m.raw[countKey]); !ok || got != int64(n) {
		return r, fault(countKey, "the server gives the results of %s files; %d were declared", shown(m.raw[countKey]), n)
	}
	for i := range n {
		key := r.dialect.key(prefix, i)
		word := m.raw[key]
		if word != "PASS" && word != "FAIL" {
			return r, fault(key, "%s is neither PASS nor FAIL", shown(word))
		}
		r.files = append(r.files, FileVerdict{Pass: word == "PASS"})
	}
	return r, nil
}
