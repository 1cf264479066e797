package source

import "strings"

// specs are the two values of mmpack/specs that name the source; empty for one that
// cannot be read.
type specs struct{ name, version string }

// parseSpecs looks for the lines of name and version. It reads no other YAML: the text
// is a stranger's, and these are the forms that there are.
func parseSpecs(text []byte) specs {
	var s specs
	seen := map[string]int{}
	within := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		key, value, ok := strings.Cut(strings.TrimLeft(line, " "), ":")
		indented := strings.HasPrefix(line, " ")
		if !indented && line != "" {
			within = key
		}
		if !ok || indented && (within != "general" || key != "name" && key != "version") {
			continue
		}
		var to *string
		switch key = strings.TrimSpace(key); key {
		case "name":
			to = &s.name
		case "version":
			to = &s.version
		default:
			continue
		}
		*to = scalar(value)
		if seen[key]++; seen[key] > 1 {
			*to = ""
		}
	}
	return s
}

// scalar is a value of one line; empty if it is anything else.
func scalar(text string) string {
	if text != "" && text[0] != ' ' && text[0] != '\t' {
		return ""
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	switch q := text[0]; q {
	case '\'', '"':
		inside, rest, closed := strings.Cut(text[1:], string(q))
		rest = strings.TrimSpace(rest)
		if !closed || rest != "" && rest[0] != '#' || strings.Contains(inside, `\`) {
			return ""
		}
		return inside
	case '{', '[', '&', '*', '!', '|', '>', '%', '@', '`', '#':
		return ""
	}
	text, _, _ = strings.Cut(text, " #")
	return strings.TrimSpace(text)
}
