package yamlfile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// shop is what the tests read.
type shop struct {
	Name  string
	Open  bool
	Wait  time.Duration
	Tags  []string
	Goods map[string]string
	Free  any
}

func read(text string) (shop, error) {
	s, r := shop{Goods: map[string]string{}}, &Reader{}
	err := r.Read([]byte(text),
		Key{"name", func(v Value, p string) { s.Name = r.Text(v, p) }},
		Key{"open", func(v Value, p string) { s.Open = r.Bool(v, p) }},
		Key{"wait", func(v Value, p string) { s.Wait = r.Duration(v, p) }},
		Key{"tags", func(v Value, p string) { s.Tags = r.Texts(v, p) }},
		Key{"free", func(v Value, _ string) { s.Free = v.Any() }},
		Key{"goods", func(v Value, p string) {
			r.Each(v, p, "prices", func(e Entry, p string) {
				r.Mapping(e.Value, p, Key{"price", func(v Value, p string) { s.Goods[e.Key] = r.Text(v, p) }})
			})
		}})
	return s, err
}

func TestRead(t *testing.T) {
	t.Parallel()
	s, err := read(`# a shop
name: "Corner: shop"   # quoted
open: true
wait: 72h
tags: [a, 'b c']
goods:
    apple: {price: 0010}
    pear:
        price: 1.50
    plum:
free: {n: 1, t: yes, f: 1.5, b: true, l: [null, x], m: {}, s: '1'}
`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	want := `{"Name":"Corner: shop","Open":true,"Wait":259200000000000,"Tags":["a","b c"],"Goods":{"apple":"0010","pear":"1.50"},` +
		`"Free":{"b":true,"f":1.5,"l":[null,"x"],"m":{},"n":1,"s":"1","t":"yes"}}`
	if err != nil || string(got) != want {
		t.Errorf("%s %v\nwant %s", got, err, want)
	}
	for _, text := range []string{"", "\n", "# only a comment\n", "---\n", "name:\n"} {
		if _, err := read(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestEverythingAtOnce: each problem has its line and key, and a key that there is not
// the one that may be meant.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read("nmae: x\nopen: maybe\nwait: soon\ntags: {a: b}\ngoods:\n    apple: {pirce: 1}\n    pear: 3\nzzzzzzzz: 1\nopen: true\n")
	want := `line 9: open: stands twice, in lines 2 and 9`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	_, err = read("nmae: x\nopen: maybe\nwait: soon\ntags: {a: b}\ngoods:\n    apple: {pirce: 1}\n    pear: 3\nzzzzzzzz: 1\nname: [1]\n")
	want = `line 1: nmae: there is no such key; is "name" meant?
line 2: open: is "maybe"; expected true or false
line 3: wait: is "soon"; expected a time such as 72h or 30m
line 4: tags: is a mapping; expected a list
line 6: goods.apple.pirce: there is no such key; is "price" meant?
line 7: goods.pear: is "3"; expected a mapping with price
line 8: zzzzzzzz: there is no such key; the keys here are name, open, wait, tags, free, goods
line 9: name: is a list; expected one value`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: &a x\nfree: *a\n":                     "anchors, aliases",
		"free: {<<: {a: b}}\n":                       "merge keys",
		"%YAML 1.2\n---\nname: x\n":                  "directives",
		"name: !!str x\n":                            "tags and directives are not allowed",
		"name: x\n---\nname: y\n":                    "second document",
		"name: x\n\topen: true\n":                    "line 2: begins with a tab",
		"name: [\n":                                  "not YAML",
		"- a\n":                                      "expected a mapping",
		"just a text":                                "expected a mapping",
		"? {a: b}\n: c\n":                            "",
		"\x00":                                       "",
		strings.Repeat("#", MaxSize+1):               "bytes; at most",
		"free: " + strings.Repeat("[", 1000):         "nested more than",
		"free: " + strings.Repeat("{a: ", 1000):      "nested more than",
		"free:\n" + strings.Repeat("- ", 2000) + "x": "nested more than",
	} {
		s, err := read(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q (%+v)", text, err, want, s)
		}
	}
}

// TestHostileInTime: whatever a file of 32 KiB is, it is read, or refused, in a moment.
func TestHostileInTime(t *testing.T) {
	t.Parallel()
	const size = 32 << 10
	var deep strings.Builder
	for i := range 300 {
		deep.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for _, text := range []string{
		strings.Repeat("a: b\n", size/5), strings.Repeat("[", size), strings.Repeat("- ", size/2),
		deep.String(), strings.Repeat("? ", size/2), strings.Repeat("\"", size), strings.Repeat("a", size),
		strings.Repeat("- a\n", size/4), strings.Repeat("!", size), strings.Repeat("a:\n ", size/4),
	} {
		began := time.Now()
		_, err := read(text)
		if took := time.Since(began); err == nil || took > 10*time.Second {
			t.Errorf("%.20q: %s, %v", text, took, err)
		} else {
			t.Logf("%.20q: %s", text, took.Round(time.Millisecond))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("name: x\ngoods:\n    a: {price: 1}\n")
	f.Add("? a\n: - b\n  - c\n")
	f.Add("free: [a, {b: c}]\n#\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := read(text)
		if err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
		if _, jerr := json.Marshal(s.Free); err == nil && jerr != nil && !strings.Contains(jerr.Error(), "unsupported value") {
			t.Error(jerr)
		}
	})
}
