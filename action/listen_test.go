package action

import (
	"strings"
	"testing"
)

// heard is one command that a runner has taken from a log.
type heard struct {
	name, message string
	properties    map[string]string
}

// listen reads a log as GitHub's runner does: white space ahead of "::" is nothing, "##["
// stands anywhere in a line for a command of the older form, and after stop-commands only
// the token means something.
func listen(t *testing.T, log string) (commands []heard, text []string) {
	t.Helper()
	stopped := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(log, "\r", "\n"), "\n") {
		c, ok := parseCommand(line)
		switch {
		case !ok || stopped != "" && c.name != stopped:
			text = append(text, line)
		case stopped != "":
			stopped = ""
		case c.name == "stop-commands":
			if stopped = c.message; len(stopped) < 20 {
				t.Errorf("a token that can be guessed: %q", stopped)
			}
		default:
			commands = append(commands, c)
		}
	}
	if stopped != "" {
		t.Error("commands have no meaning at the end")
	}
	return commands, text
}

func parseCommand(line string) (heard, bool) {
	open, separator, end := "::", ",", "::"
	line = strings.TrimLeft(line, " \t\v\f\u00a0\u2028")
	if i := strings.Index(line, "##["); i >= 0 && !strings.HasPrefix(line, "::") {
		open, separator, end, line = "##[", ";", "]", line[i:]
	}
	rest, ok := strings.CutPrefix(line, open)
	if !ok {
		return heard{}, false
	}
	words, message, ok := strings.Cut(rest, end)
	if !ok {
		return heard{}, false
	}
	c := heard{message: unescape(message), properties: map[string]string{}}
	c.name, words, _ = strings.Cut(words, " ")
	for p := range strings.SplitSeq(words, separator) {
		if key, value, ok := strings.Cut(p, "="); ok {
			c.properties[strings.TrimSpace(key)] = unescape(strings.NewReplacer("%3A", ":", "%2C", ",").Replace(value))
		}
	}
	return c, true
}

func unescape(text string) string {
	return strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(text)
}

// parseOutputs reads the file of outputs as the runner does.
func parseOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines)-1; i++ {
		name, delimiter, ok := strings.Cut(lines[i], "<<")
		if !ok {
			t.Fatalf("line %d is no output: %q", i+1, lines[i])
		}
		var value []string
		for i++; i < len(lines) && lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		if i == len(lines) {
			t.Fatalf("the output %s does not end", name)
		}
		if _, twice := all[name]; twice {
			t.Errorf("the output %s is there twice", name)
		}
		all[name] = strings.Join(value, "\n")
	}
	return all
}
