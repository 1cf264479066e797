package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestArgparse: the command lines that Python's argparse takes, and those that it
// refuses.
func TestArgparse(t *testing.T) {
	t.Parallel()
	tests := []struct{ args, want string }{
		{"add m", "add [m] path=. arch="},
		{"-p r add m", "add [m] path=r arch="},
		{"-pr -aA add m", "add [m] path=r arch=A"},
		{"-p=r -a=A add m", "add [m] path=r arch=A"},
		{"--path r --arch A add m", "add [m] path=r arch=A"},
		{"--path=r --arch=A add m", "add [m] path=r arch=A"},
		{"--pa r --a=A add m", "add [m] path=r arch=A"},
		{"--path=a=b add m", "add [m] path=a=b arch="},
		{"--path= add m", "add [m] path= arch="},
		{"-p r -p s add m", "add [m] path=s arch="},
		{"-p -1 add m", "add [m] path=-1 arch="},
		{"-p -.5 add m", "add [m] path=-.5 arch="},
		{"-p - add m", "add [m] path=- arch="},
		{"-- add m", "add [m] path=. arch="},
		{"add -- -m", "add [-m] path=. arch="},
		{"add -", "add [-] path=. arch="},
		{"add -5", "add [-5] path=. arch="},
		{"add -a_b", "add [-a b] path=. arch="}, // "_" stands for a space
		{"-a A watch d", "watch [d] path=. arch=A"},
		{"watch", "the following arguments are required: to_observe"},
		{"watch d e", "unrecognized arguments: e"},
		{"remove-src --name n", "remove-src [n  ] path=. arch="},
		{"remove-src --n n --ver=1 --srcsha S", "remove-src [n 1 S] path=. arch="},
		{"remove-src", "remove-src [  ] path=. arch="},
		{"batch", "batch [true] path=. arch="},
		{"batch --initial-change", "batch [true] path=. arch="},
		{"batch --initial-change no", "batch [false] path=. arch="},
		{"batch --initial-change=No", "batch [false] path=. arch="},
		{"batch --i 0", "batch [false] path=. arch="},
		{"batch --i 0 --i", "batch [true] path=. arch="},

		{"", "the following arguments are required: cmd"},
		{"-p", "argument -p/--path: expected one argument"},
		{"-p -x add m", "argument -p/--path: expected one argument"},
		{"-p --arch add m", "argument -p/--path: expected one argument"},
		{"-p -- add m", "argument -p/--path: expected one argument"},
		{"--path", "argument -p/--path: expected one argument"},
		{"-- --path", `argument cmd: invalid choice: "--path" (choose from add, watch, remove-src, batch)`},
		{"ad m", `argument cmd: invalid choice: "ad" (choose from add, watch, remove-src, batch)`},
		{"--paths r add m", "unrecognized arguments: --paths"},
		{"--paths=r add m", "unrecognized arguments: --paths=r"},
		{"-x add m", "unrecognized arguments: -x"},
		{"add", "the following arguments are required: manifest"},
		{"add --", "the following arguments are required: manifest"},
		{"add m n", "unrecognized arguments: n"},
		{"add m -p r", "unrecognized arguments: -p r"},
		{"add -m", "the following arguments are required: manifest"},
		{"remove-src n", "unrecognized arguments: n"},
		{"remove-src --name", "argument --name: expected one argument"},
		{"batch --initial-change perhaps", `argument --initial-change: "perhaps" does not represent a boolean value`},
		{"batch --initial-change=", `argument --initial-change: "" does not represent a boolean value`},
		{"batch no", "unrecognized arguments: no"},
		{"--help=x", "argument -h/--help: takes no value"},
		{"-h", "help"},
		{"--he", "help"},
		{"-p r -h add", "help"},
		{"add -h", "help"},
		{"-p r remove-src --help", "help"},
		{"remove-src -h x", "help"},
	}
	for _, tt := range tests {
		if got := parsed(words(tt.args)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.args, got, tt.want)
		}
	}
}

func words(line string) []string {
	list := strings.Fields(line)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "_", " ")
	}
	return list
}

// parsed is what becomes of a command line of mmpack-modifyrepo, as text.
func parsed(args []string) string {
	a, _ := modifyrepoApp(args)
	v, err := a.parse()
	switch v := v.(type) {
	case *modifyrepoAdd:
		return fmt.Sprintf("add [%s] path=%s arch=%s", v.manifest, v.path, v.arch)
	case *modifyrepoWatch:
		return fmt.Sprintf("watch [%s] path=%s arch=%s", v.drop, v.path, v.arch)
	case *modifyrepoRemove:
		return fmt.Sprintf("remove-src [%s %s %s] path=%s arch=%s", v.Name, v.Version, v.SHA256, v.path, v.arch)
	case *modifyrepoBatch:
		return fmt.Sprintf("batch [%t] path=%s arch=%s", v.begin, v.path, v.arch)
	}
	if errors.Is(err, errHelp) {
		return "help"
	}
	return fmt.Sprint(err)
}

func modifyrepoApp(args []string) (a *app, stderr *bytes.Buffer) {
	stderr = &bytes.Buffer{}
	e := shell{}.env(&bytes.Buffer{}, stderr, args)
	e.Program = modifyrepoName
	return newApp(e), stderr
}

// TestAmbiguousOption: the beginning of two options names neither.
func TestAmbiguousOption(t *testing.T) {
	t.Parallel()
	var got string
	line := argparse{options: []option{text("--version", "", &got), text("--verbose", "", &got)}}
	if _, _, err := line.parse([]string{"--ver", "1"}); err == nil || !strings.Contains(err.Error(), "--version, --verbose") {
		t.Errorf("%v", err)
	}
	if _, _, err := line.parse([]string{"--vers", "1"}); err != nil || got != "1" {
		t.Errorf("%q %v", got, err)
	}
}

func TestProgramName(t *testing.T) {
	t.Parallel()
	for argv0, want := range map[string]string{
		"mmpack-modifyrepo": modifyrepoName, "/usr/bin/mmpack-modifyrepo": modifyrepoName, "./mmpack-modifyrepo.exe": modifyrepoName,
		"mmpack-modifyrepo.EXE": modifyrepoName, "/opt/mmpack-modifyrepo/mmpush": "mmpush", "mmpack-modifyrepo.old": "mmpack-modifyrepo.old", "": ".",
	} {
		if got := programName(argv0); got != want {
			t.Errorf("%q: %q, want %q", argv0, got, want)
		}
	}
}

// FuzzModifyrepoArguments parses command lines, separated by newlines: each is a verb,
// help or a usage error.
func FuzzModifyrepoArguments(f *testing.F) {
	for _, seed := range []string{
		"", "add\nm", "-p\nr\n--arch=A\nbatch\n--initial-change\nno", "remove-src\n--name\n\xff", "-p=\nadd\n--\n--", "--\n--\nadd", "-h", "-\nadd\nx",
		"watch\nd", "-pa\n-1\n-.5\nadd", "--=x\nadd\nm", "---\nadd", "-p\x00\nadd\n\x00", "--initial-change",
	} {
		f.Add(seed)
	}
	verbs := []string{"add", "watch", "remove-src", "batch"}
	f.Fuzz(func(t *testing.T, line string) {
		a, stderr := modifyrepoApp(strings.Split(line, "\n"))
		v, err := a.parse()
		switch {
		case err == nil:
			if v == nil || !slices.Contains(verbs, a.verb) {
				t.Errorf("%T %q", v, a.verb)
			}
		case !errors.Is(err, errHelp):
			if code := a.end(a.fail(err)); code != exitUsage {
				t.Errorf("exit %d: %v", code, err)
			}
		}
		if strings.ContainsFunc(stderr.String(), func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("control characters: %q", stderr.String())
		}
	})
}
