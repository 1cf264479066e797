package index

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHeal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string // an empty want: not dangerous
	}{
		{"plain", fullBinary, ""},
		{"empty description", "name: a\ndescription:\n\n", ""},
		{"colon after the first line", "name: a\ndescription: x\n .\n y: z\n\n", ""},
		{"safe colon", "name: a\ndepends:\n b (= 0:1)\ndescription: note\n : x\n\n", ""},
		{"colon in an unknown key", "name: a\nx-url: http://x\ndescription: b\n\n", ""},
		{"description", "name: a\ndescription: note: x\nsize: 1\n\n", "name: a\ndescription: note\n : x\nsize: 1\n\n"},
		{"description starts with it", "name: a\ndescription: : x\n\n", "name: a\ndescription:\n : x\n\n"},
		{"folded description", "name: a\ndescription: note: x \n y\n .\n z\n\n", "name: a\ndescription: note\n : x y\n .\n z\n\n"},
		{"depends", "name: a\ndepends: b (= 0:1), c\ndescription: x\n\n", "name: a\ndepends:\n b (= 0:1), c\ndescription: x\n\n"},
		{"sysdepends", "name: a\nsysdepends: b:any\ndescription: x\n\n", "name: a\nsysdepends:\n b:any\ndescription: x\n\n"},
		{"no description", "name: a\ndepends: b\nfilename: f\nsize: 1\nsha256: c\n\n", "name: a\ndepends: b\ndescription:\nfilename: f\nsize: 1\nsha256: c\n\n"},
		{"no description, nothing after it", "name: a\n\n", "name: a\ndescription:\n\n"},
		{"description at the end", "name: a\nfilename: f\ndescription: b: c\n\n", "name: a\nfilename: f\ndescription: b\n : c\n\n"},
		{"CRLF", "name: a\r\ndescription: b\r\n c\r\n\n", "name: a\ndescription: b\n c\n\n"},
		{"unknown keys and folds of others stay", "x-1: a:b\nname: a\nx-2:\n : \n \n c\ndescription: n: x\nx-3: z\n\n",
			"x-1: a:b\nname: a\nx-2:\n : \n \n c\ndescription: n\n : x\nx-3: z\n\n"},
		{"all at once", "name: a\r\ndepends: b (= 0:1)\r\nfilename: f\r\n\n", "name: a\ndepends:\n b (= 0:1)\ndescription:\nfilename: f\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := ParseBinary(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got, changed := Heal(b)
			if changed != (tt.want != "") {
				t.Fatalf("Heal says %v", changed)
			}
			if changed && got.Text != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got.Text, tt.want)
			}
			checkHealed(t, b, got)
		})
	}
}

// checkHealed holds that a healed stanza has the old one's values and is healthy.
func checkHealed(t interface{ Fatalf(string, ...any) }, old, healed Binary) {
	again, err := ParseBinary(healed.Text)
	want := old
	want.Text = healed.Text
	if err != nil || again != want || healed != want {
		t.Fatalf("was %+v\nis  %+v\nreads as %+v, %v", old, healed, again, err)
	}
	if _, changed := Heal(healed); changed {
		t.Fatalf("still dangerous: %q", healed.Text)
	}
}

func TestHealLeavesAlone(t *testing.T) {
	t.Parallel()
	for _, b := range []Binary{{}, {Name: "a", Description: "b: c"}, {Name: "a", Text: "no stanza\n"}} {
		if got, changed := Heal(b); changed || got != b {
			t.Errorf("Heal(%+v) = %+v, %v", b, got, changed)
		}
	}
}

func TestHealKeepsValues(t *testing.T) {
	t.Parallel()
	lines := []string{
		"depends: a (= 0:1), b", "depends: a", "sysdepends: c:any", "description: x: y", "description: : x", "description:  x:",
		"description: z", "x-new: 1:2", "filename: f", "size: 1", "sha256: d", "version: 1",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := "name: foo\n"
		for _, line := range rapid.SliceOfNDistinct(rapid.SampledFrom(lines), 0, 6, func(l string) string {
			key, _, _ := strings.Cut(l, ":")
			return key
		}).Draw(t, "lines") {
			text += line + "\n" + rapid.SampledFrom([]string{"", " more\n", " .\n", " \n : \n"}).Draw(t, "more")
		}
		if rapid.Bool().Draw(t, "crlf") {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		b, err := ParseBinary(text + "\n")
		if err != nil {
			t.Skip("a size over two lines")
		}
		healed, _ := Heal(b)
		checkHealed(t, b, healed)
		if strings.Contains(text, "x-new") != strings.Contains(healed.Text, "x-new") {
			t.Fatalf("an unknown key got lost: %q", healed.Text)
		}
	})
}
