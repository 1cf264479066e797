package tupkg

import (
	"fmt"
	"strings"
)

// metadata is a declaration of version 1.
type metadata struct {
	dialect Dialect
	files   []Declared
	// rawNames are the names as they were sent; the answer repeats them, so that a
	// client finds its own escapes in it.
	rawNames []string
	// asksReason: the client sent a key that neither dialect has.
	asksReason bool
}

// parseMetadata reads a declaration. hint is the dialect of a declaration without
// files, which does not show its own.
func parseMetadata(body []byte, hint Dialect, l Limits) (metadata, error) {
	m, err := parseMessage(body, 3*l.SessionFiles+16, l.ValueBytes)
	if err != nil {
		return metadata{}, err
	}
	count, ok := parseCount(m.raw["numpkgs"])
	if !ok {
		return metadata{}, fault("numpkgs", "%s is not a number of files", shown(m.raw["numpkgs"]))
	}
	if count > int64(l.SessionFiles) {
		return metadata{}, &Refusal{Code: CodeLimit, Reason: fmt.Sprintf("%d files are declared; this server takes at most %d in one session", count, l.SessionFiles)}
	}
	d := metadata{dialect: hint}
	if count > 0 {
		d.dialect = Document
		if _, from0 := m.raw["name0"]; from0 {
			d.dialect = HistoricalCode
		}
	}
	if m.glued && d.dialect == HistoricalCode {
		return metadata{}, fault("md5sum", "a '&' is missing before a name")
	}
	for i := range int(count) {
		if err := d.addFile(m, i); err != nil {
			return metadata{}, err
		}
	}
	if d.asksReason, err = d.checkOtherKeys(m); err != nil {
		return metadata{}, err
	}
	return d, checkSet(d.files, l.SessionFiles, l)
}

// addFile reads the three keys of file i.
func (d *metadata) addFile(m message, i int) error {
	raw, ok := m.raw[d.dialect.key("name", i)]
	if !ok {
		return fault(d.dialect.key("name", i), "the key is missing; the %s dialect numbers files from %d", d.dialect, d.dialect.first())
	}
	sizeKey, md5Key := d.dialect.key("size", i), d.dialect.key("md5sum", i)
	size, ok := parseCount(m.raw[sizeKey])
	if !ok {
		return fault(sizeKey, "%s is not a size in bytes", shown(m.raw[sizeKey]))
	}
	const md5Digits = 32
	md5 := strings.TrimRight(m.raw[md5Key], filler)
	if md5 == "" || len(md5) > md5Digits || !isHex(md5) {
		return fault(md5Key, "%s is not an MD5 in hexadecimal", shown(md5))
	}
	d.rawNames = append(d.rawNames, raw)
	d.files = append(d.files, Declared{Name: d.dialect.unescape(raw), Size: size, MD5: strings.ToLower(md5)})
	return nil
}

// checkOtherKeys refuses keys of files that are not declared: a second numbering, or
// more files than numpkgs says. It reports whether there are unknown keys.
func (d *metadata) checkOtherKeys(m message) (unknown bool, err error) {
	for key := range m.raw {
		prefix := strings.TrimRight(key, "0123456789")
		switch {
		case key == "numpkgs":
		case prefix != key && (prefix == "name" || prefix == "size" || prefix == "md5sum"):
			n, ok := parseCount(key[len(prefix):])
			if n -= int64(d.dialect.first()); !ok || n < 0 || n >= int64(len(d.files)) {
				return false, fault(shown(key), "the key does not belong to one of the %d declared files, numbered from %d", len(d.files), d.dialect.first())
			}
		default:
			unknown = true
		}
	}
	return unknown, nil
}

// offers is the answer to a declaration: what is held of each file.
func (d *metadata) offers(held []int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "numpkgs=%d", len(d.files))
	for i, n := range held {
		fmt.Fprintf(&b, "&%s=%s&%s=%d", d.dialect.key("name", i), d.rawNames[i], d.dialect.key("size", i), n)
	}
	return b.String()
}

// results is the last answer, in the client's dialect.
func (d *metadata) results(v Verdict, withReason bool) string {
	count, prefix := d.dialect.resultKeys()
	var b strings.Builder
	fmt.Fprintf(&b, "%s=%d", count, len(d.files))
	var reasons []string
	for i, f := range v.Files {
		word := "FAIL"
		if f.Pass {
			word = "PASS"
		} else if f.Reason != "" {
			reasons = append(reasons, d.files[i].Name+": "+f.Reason)
		}
		fmt.Fprintf(&b, "&%s=%s", d.dialect.key(prefix, i), word)
	}
	if withReason && len(reasons) > 0 {
		b.WriteString(reasonKey(strings.Join(reasons, "; ")))
	}
	return b.String()
}

// allFailed is the verdict of n files when no better one came to be.
func allFailed(n int, reason string) Verdict {
	v := Verdict{Files: make([]FileVerdict, n)}
	if n > 0 {
		v.Files[0].Reason = reason
	}
	return v
}

// reasonKey writes the extra key for clients that can be sent one. Its name must not
// begin with "size": the historical client counts such keys.
func reasonKey(reason string) string {
	const most = 1000
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "") + " …"
	}
	return "&reason=" + escape(reason)
}
