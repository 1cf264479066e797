package index

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestOpenForms(t *testing.T) {
	t.Parallel()
	const a, b = "name: a\nversion: 1\n\n", "name: b\nversion: 1\n\n"
	stored := func(text string) []byte {
		var out bytes.Buffer
		z, _ := gzip.NewWriterLevel(&out, gzip.NoCompression)
		z.Write([]byte(text))
		z.Close()
		return out.Bytes()
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name           string
		binary, source []byte // nil: not there
		want           string
		warning        string
	}{
		{"nothing there", nil, nil, "|", ""},
		{"empty files", []byte{}, []byte{}, "|", ""},
		{"empty gzip", zip(""), []byte{}, "|", ""},
		{"one member", zip(a + b), []byte(a), "a1 b1 | a1", ""},
		{"two members", zip(a, b), nil, "a1 b1 |", ""},
		{"empty members", zip("", a, "", "", b, ""), nil, "a1 b1 |", ""},
		{"a member cut in mid-line", zip("name: a\nver", "sion: 1\n\n"+b), nil, "a1 b1 |", ""},
		{"stored", stored(a + b), nil, "a1 b1 |", ""},
		{"no empty line at the end", zip(strings.TrimSuffix(a+b, "\n")), []byte("name: s\nversion: 1"), "a1 b1 | s1", ""},
		{"several empty lines", zip(a + "\n\n" + b + "\n"), []byte(a + "\n\n\n" + b), "a1 b1 | a1 b1", ""},
		{"keys in another order", zip("version: 1\nx: y\nname: a\n\n"), nil, "a1 |", ""},
		{"CRLF", zip(strings.ReplaceAll(a+b, "\n", "\r\n")), []byte(strings.ReplaceAll(a, "\n", "\r\n")), "a1 b1 | a1", ""},
		{"not UTF-8", zip("name: a\nversion: 1\ndescription: caf\xe9\n\n"), nil, "a1 |", ""},
		{"bytes after the end", join(zip(a, b), []byte("garbage")), nil, "a1 b1 |", "7 bytes stand after the end"},
		{"one byte after the end", join(zip(a), []byte{0x1f}), nil, "a1 |", "1 bytes stand after the end"},
		{"zeros after the end", join(zip(a, ""), make([]byte, 100_000)), nil, "a1 |", "100000 bytes stand after the end"},
		{"empty line in front", zip("\n" + a), nil, "a1 |", "binary-index.gz:1: an empty line"},
		{"empty line in front of the sources", nil, []byte("\n" + a), "| a1", "source-index:1: an empty line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(repository(t, tt.binary, tt.source))
			if err != nil {
				t.Fatal(err)
			}
			if got := sketch(t, s); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			var warnings []string
			for _, w := range s.Warnings() {
				if w.Refuses() {
					t.Errorf("it refuses: %v", w)
				}
				warnings = append(warnings, w.String())
			}
			if got := strings.Join(warnings, "; "); !strings.Contains(got, tt.warning) || (got == "") != (tt.warning == "") {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
		})
	}
}

func TestOpenDamaged(t *testing.T) {
	t.Parallel()
	good := zip("name: a\n\n", "name: b\n\n")
	flipped := bytes.Clone(good)
	flipped[len(flipped)-5] ^= 1
	tests := []struct {
		name           string
		binary, source []byte
		file, want     string
	}{
		{"not gzip", []byte("name: a\n\n"), nil, BinaryFile, "gzip"},
		{"cut short", good[:len(good)-3], nil, BinaryFile, "cut short"},
		{"cut in a header", append(bytes.Clone(good), good[:5]...), nil, BinaryFile, "cut short"},
		{"a bad second member", append(bytes.Clone(good), 0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0), nil, BinaryFile, "gzip"},
		{"wrong checksum", flipped, nil, BinaryFile, "checksum"},
		{"wrong checksum and bytes after it", append(bytes.Clone(flipped), 1, 2, 3), nil, BinaryFile, "checksum"},
		{"no name", zip("name: a\n\nversion: 1\n\n"), nil, BinaryFile, "line 3: damaged stanza: it has no name"},
		{"bad size", zip("name: a\n\n\nname: b\nsize: x\n\n"), nil, BinaryFile, "line 4: damaged stanza: the size"},
		{"no colon", zip("name: a\n\nname: b\n\n", "name: c\n d\nwrong\n\n"), nil, BinaryFile, "line 7: a line without ':'"},
		{"NUL", zip("name: a\n\nname: b\nx: \x00\n\n"), nil, BinaryFile, "line 4: a NUL"},
		{"carriage return in a line", zip("name: a\nx: y\rz\n\n"), nil, BinaryFile, "line 2: a carriage return"},
		{"repeated key", zip("name: a\nname: b\n\n"), nil, BinaryFile, `line 2: the key "name"`},
		{"source without name", nil, []byte("name: a\n\nsize: 1\n\n"), SourceFile, "line 3: damaged stanza: it has no name"},
		{"source no colon", nil, []byte("name: a\nwrong\n\n"), SourceFile, "line 2: a line without ':'"},
		{"stanza too large", zip("name: a\n\nname: b\nx: " + strings.Repeat("x", 4<<20) + "\n\n"), nil, BinaryFile, "line 4: stanza too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(repository(t, tt.binary, tt.source))
			var re *report.Error
			if s != nil || !errors.As(err, &re) || re.Code != report.CodeIndex || re.File != tt.file || re.Hint == "" {
				t.Fatalf("got %v, %+v", s, err)
			}
			if !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300 {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}

func TestOpenLimit(t *testing.T) {
	t.Parallel()
	bomb := bytes.Repeat(zip(strings.Repeat("\n", 1<<20)), 400)
	if _, err := Open(repository(t, bomb, nil)); report.CodeOf(err) != report.CodeIndex || !strings.Contains(err.Error(), "over a limit") {
		t.Errorf("a bomb of empty lines: %v", err)
	}
}

func TestStanzaLimit(t *testing.T) {
	t.Parallel()
	const two, three = "name: a\n\nname: b\n\n", "name: a\n\nname: b\n\nname: c\n\n"
	scan := func(binaries, sources string) error {
		s, err := open(repository(t, zip(binaries), []byte(sources)), "", 2, 0)
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := scan(two, two); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := scan(three, two); report.CodeOf(err) != report.CodeIndex || !strings.Contains(err.Error(), "line 5: more than 2") {
		t.Errorf("over the limit: %v", err)
	}
	if err := scan(two, three); report.CodeOf(err) != report.CodeIndex {
		t.Errorf("over the limit: %v", err)
	}
}

// TestOpenDiskErrors fails each call that Open makes, one at a time.
func TestOpenDiskErrors(t *testing.T) {
	t.Parallel()
	st := steps(t)[0]
	failed := 0
	for k := 0; ; k++ {
		n := 0
		fsys := vfs.Observe(repository(t, st.binaryGz, st.source), func(vfs.Op) error {
			if n++; n == k+1 {
				return os.ErrPermission
			}
			return nil
		})
		s, err := Open(fsys)
		if n <= k {
			break
		}
		if errors.Is(err, os.ErrPermission) && report.CodeOf(err) == report.CodeDisk {
			failed++
		} else if err != nil || s == nil {
			t.Errorf("call %d: %v", k, err)
		}
	}
	if failed < 4 {
		t.Errorf("only %d calls were seen to fail", failed)
	}
}

func TestOpenFolder(t *testing.T) {
	t.Parallel()
	fsys := repository(t, nil, nil)
	if err := fsys.Mkdir(SourceFile, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(fsys); report.CodeOf(err) != report.CodeIndex {
		t.Errorf("a folder in the file's place: %v", err)
	}
}

func TestNewViewDamaged(t *testing.T) {
	t.Parallel()
	if _, err := NewView([]byte("wrong\n"), nil); report.CodeOf(err) != report.CodeIndex || !strings.Contains(err.Error(), BinaryFile) {
		t.Errorf("got %v", err)
	}
	if _, err := NewView(nil, []byte("wrong\n")); report.CodeOf(err) != report.CodeIndex || !strings.Contains(err.Error(), SourceFile) {
		t.Errorf("got %v", err)
	}
}
