package plan

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
)

// clientRead reads an index by the rules of the real C client, as they were measured on
// it: the first line of a field splits at its last ':', white space around both sides
// goes, the lines that start with a space follow, and " ." is a newline. A stanza ends
// at an empty line; one without a name, and an index that starts with an empty line,
// crash it.
func clientRead(t tb, text string) []map[string]string {
	t.Helper()
	var stanzas []map[string]string
	current := map[string]string{}
	key, bare := "", false
	for n, line := range strings.Split(text, "\n") {
		switch {
		case line == "":
			if len(current) == 0 && n == 0 && text != "" {
				t.Fatal("the client crashes: the index starts with an empty line")
			}
			if len(current) > 0 {
				stanzas = append(stanzas, current)
			}
			current, key = map[string]string{}, ""
		case line[0] == ' ' && key == "":
			t.Fatalf("line %d: the client reads a continuation of nothing", n+1)
		case line == " .":
			current[key] += "\n"
		case line[0] == ' ' && bare:
			current[key] = line
		case line[0] == ' ':
			current[key] += line[1:]
		default:
			colon := strings.LastIndex(line, ":")
			if colon < 0 {
				t.Fatalf("line %d: the client finds no key in %q", n+1, line)
			}
			key = strings.TrimRight(line[:colon], " \t")
			current[key] = strings.TrimLeft(line[colon+1:], " \t")
			bare = current[key] == ""
			continue
		}
		bare = false
	}
	if len(current) > 0 {
		t.Fatal("the index ends within a stanza")
	}
	return stanzas
}

// checkClient compares what the client makes of the texts with what the View says.
func checkClient(t tb, v index.View, binaryText, sourceText string) {
	t.Helper()
	read := clientRead(t, binaryText)
	for i, b := range binariesOf(t, v) {
		if i >= len(read) {
			t.Fatalf("the client reads %d stanzas", len(read))
		}
		want := map[string]string{
			"name": b.Name, "version": b.Version, "source": b.Source, "srcsha256": b.SrcSHA256,
			"sumsha256sums": b.SumSHA256Sums, "depends": b.Depends, "sysdepends": b.SysDepends,
			"filename": b.Filename, "sha256": b.SHA256, "description": b.Description,
		}
		for key, value := range want {
			if got := strings.TrimPrefix(read[i][key], " "); got != strings.TrimPrefix(value, " ") {
				t.Errorf("%s: the client reads %s as %q, want %q", b.Name, key, got, value)
			}
		}
		if _, ok := read[i]["description"]; !ok {
			t.Errorf("%s: the client finds no description and crashes on install", b.Name)
		}
	}
	if n := len(binariesOf(t, v)); len(read) != n {
		t.Errorf("the client reads %d binary stanzas, want %d", len(read), n)
	}
	sources := sourcesOf(t, v)
	read = clientRead(t, sourceText)
	if len(read) != len(sources) {
		t.Fatalf("the client reads %d sources, want %d", len(read), len(sources))
	}
	for i, s := range sources {
		r := read[i]
		if r["name"] != s.Name || r["version"] != s.Version || r["filename"] != s.Filename || r["sha256"] != s.SHA256 {
			t.Errorf("the client reads the source %s as %v", s.Name, r)
		}
	}
}

// TestClientReadTells shows that the reader above sees what crashes the real one.
func TestClientReadTells(t *testing.T) {
	t.Parallel()
	read := clientRead(t, "name: a\ndescription: note: x\n\nname: b\ndescription: note\n : x\n\n")
	if _, ok := read[0]["description"]; ok {
		t.Error("a ':' in the first line of a description goes unseen")
	}
	if got := read[1]["description"]; got != "note: x" {
		t.Errorf("the safe form reads as %q", got)
	}
}
