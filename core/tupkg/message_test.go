package tupkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := writeFrame(&b, strings.Repeat("x", MaxMessage+1)); err == nil || b.Len() > 0 {
		t.Error("a length has wrapped")
	}
	for _, n := range []int{0, 1, 255, 256, MaxMessage} {
		b.Reset()
		if err := writeFrame(&b, strings.Repeat("x", n)); err != nil {
			t.Fatal(err)
		}
		b.WriteString("data")
		body, err := readFrame(&b, MaxMessage)
		if err != nil || len(body) != n || b.String() != "data" {
			t.Errorf("%d bytes: %d, %v, rest %q", n, len(body), err, b.String())
		}
	}
	for said, want := range map[string]error{"": io.EOF, "\x00": io.ErrUnexpectedEOF, "\x00\x02a": io.ErrUnexpectedEOF, "\x00\x02": io.ErrUnexpectedEOF} {
		if _, err := readFrame(strings.NewReader(said), 10); !errors.Is(err, want) {
			t.Errorf("%q: %v", said, err)
		}
	}
	if _, err := readFrame(strings.NewReader("\x00\x0b12345678901"), 10); !errors.Is(err, ErrProtocol) {
		t.Error(err)
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a@b.~_-": "a@b.~_-", "a+b c%&;=": "a%2Bb%20c%25%26%3B%3D", "é\n\x7f": "%C3%A9%0A%7F", "": "",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string][2]string{
		"a+b%20c": {"a+b c", "a b c"}, "%": {"%", "%"}, "%4": {"%4", "%4"}, "%zz%41": {"%zzA", "%zzA"}, "%2b%2B": {"++", "++"}, "%%41": {"%A", "%A"},
	} {
		if got := [2]string{unescape(in, false), unescape(in, true)}; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("a%+&;= 41é@~\x00\n"))).Draw(t, "s")
		if e := escape(s); unescape(e, true) != s || unescape(e, false) != s || strings.ContainsAny(e, "&=;+ ") {
			t.Errorf("%q: %q", s, e)
		}
	})
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"p1.pkg.tar.gz", "sp ace&amp=1;x%41~y.mpk", "café_1:2.0-1.pkg.tar.gz", "a", "_", "a-b", "a.", strings.Repeat("n", 255), `a\b`} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// MD5s are sent in lower case, since the historical server compares the text, and
// taken in any.
func TestMD5Case(t *testing.T) {
	t.Parallel()
	body := metadataMessage([]File{{Name: "a", MD5: strings.ToUpper(zeroMD5)}}, Document, false)
	if !strings.Contains(body, zeroMD5) {
		t.Errorf("sent as %q", body)
	}
	meta, err := parseMetadata([]byte(decl("a", "0", strings.ToUpper(zeroMD5))), Document, Limits{}.WithDefaults())
	if err != nil || meta.files[0].MD5 != zeroMD5 {
		t.Errorf("read as %+v, %v", meta.files, err)
	}
}

// drawFiles makes a set of files whose names need long escapes now and then.
func drawFiles(t *rapid.T) []File {
	n := rapid.IntRange(0, 1300).Draw(t, "files")
	long := rapid.IntRange(1, 240).Draw(t, "length")
	letter := rapid.SampledFrom([]string{"a", "%", "+"}).Draw(t, "letter")
	files := make([]File, n)
	for i := range files {
		files[i] = File{Name: fmt.Sprintf("f%d%s", i, strings.Repeat(letter, i%long)), Size: int64(i) << (i % 40), MD5: zeroMD5}
	}
	return files
}

// Each part fits one message of either dialect, is read back as it was, and all parts
// are the files in their order.
func TestSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		files := drawFiles(t)
		parts, err := Split(files)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for i, part := range parts {
			if len(part) == 0 || len(part) > SplitFiles {
				t.Fatalf("part %d has %d files", i, len(part))
			}
			for _, d := range []Dialect{Document, HistoricalCode} {
				body := metadataMessage(part, d, true)
				meta, err := parseMetadata([]byte(body), Document, Limits{FileBytes: 1 << 62, UploadBytes: 1 << 62}.WithDefaults())
				if err != nil || len(body) > MaxMessage || meta.dialect != d || len(meta.files) != len(part) {
					t.Fatalf("part %d, %s: %d bytes, %d files, %v", i, d, len(body), len(meta.files), err)
				}
				if offers := meta.offers(make([]int64, len(part))); len(offers) > MaxMessage {
					t.Fatalf("offers of %d bytes", len(offers))
				}
			}
			for _, f := range part {
				if f != files[at] {
					t.Fatalf("file %d is %s, want %s", at, f.Name, files[at].Name)
				}
				at++
			}
		}
		if at != len(files) {
			t.Fatalf("%d of %d files", at, len(files))
		}
	})
	a := File{Name: "a", MD5: zeroMD5}
	for _, files := range [][]File{{{Name: "a/b"}}, {a, a}, {{Name: "a", Size: -1}}} {
		if _, err := Split(files); !errors.Is(err, ErrLocal) {
			t.Error(files, err)
		}
	}
}

// What a declaration means does not depend on the order of its keys or the dialect.
func TestMetadataRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var files []File
		seen := map[string]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "n") {
			name := rapid.StringOfN(rapid.RuneFrom([]rune("az%+&;= 41é@~:name2")), 1, 20, -1).Draw(t, "name")
			if CheckName(name) == nil && !seen[name] {
				seen[name] = true
				files = append(files, File{Name: name, Size: rapid.Int64Range(0, 1<<30).Draw(t, "size"), MD5: zeroMD5})
			}
		}
		d := rapid.SampledFrom([]Dialect{Document, HistoricalCode}).Draw(t, "dialect")
		pairs := rapid.Permutation(strings.Split(metadataMessage(files, d, false), "&")).Draw(t, "order")
		meta, err := parseMetadata([]byte(strings.Join(pairs, "&")), d, Limits{}.WithDefaults())
		if err != nil || meta.dialect != d || meta.asksReason || len(meta.files) != len(files) {
			t.Fatalf("%+v, %v", meta, err)
		}
		held := make([]int64, len(files))
		for i, f := range files {
			if got := meta.files[i]; got.Name != f.Name || got.Size != f.Size || got.MD5 != f.MD5 {
				t.Fatalf("%+v, want %+v", got, f)
			}
			held[i] = f.Size / 2
		}
		got, err := parseOffers([]byte(meta.offers(held)), files, d)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(held) {
			t.Fatalf("%v, want %v: %v", got, held, err)
		}
	})
}
