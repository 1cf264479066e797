package commit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
)

func sample() journal {
	return journal{
		Transaction: "t1", Stage: ".mmpush/stage/s1", Intent: json.RawMessage(`[{"add":{}}]`),
		Puts:     []Put{{From: "a.mpk", To: "pool/00/a.mpk", Size: 3, SHA256: "00"}},
		Switches: []journalSwitch{{Index: "source-index", From: ".mmpush/stage/s1/.source-index.t1", Next: repo.Identity{Ino: 7, Size: 9}}},
		Retires:  []Retire{{Name: "b.mpk", SHA256: "11", Size: 4}},
		Generation: repo.Generation{
			Number: 3, Transaction: "t1", Time: time.Unix(5, 0).UTC(), Previous: "22", Changes: []repo.Change{{Action: "publish"}},
		},
	}
}

func TestJournalRoundTrip(t *testing.T) {
	t.Parallel()
	text, err := formatJournal(sample())
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseJournal(text)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range text {
		damaged := bytes.Clone(text)
		damaged[i] ^= 1
		if _, err := parseJournal(damaged); err == nil {
			t.Errorf("byte %d flipped (%q): read", i, damaged[i])
		}
		if _, err := parseJournal(text[:i]); err == nil {
			t.Errorf("cut at %d: read", i)
		}
	}
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage func(*journal)
		want   string
	}{
		"a stage elsewhere":     {func(j *journal) { j.Stage = "pool/x" }, "stage"},
		"a stage outside":       {func(j *journal) { j.Stage = ".mmpush/stage/../../x" }, "stage"},
		"a file from elsewhere": {func(j *journal) { j.Puts[0].From = "../a" }, "moves"},
		"a file to outside":     {func(j *journal) { j.Puts[0].To = "../a" }, "moves"},
		"a file to nowhere":     {func(j *journal) { j.Puts[0].To = "." }, "moves"},
		"an index elsewhere":    {func(j *journal) { j.Switches[0].Index = "a/b" }, "switches"},
		"an index from outside": {func(j *journal) { j.Switches[0].From = "x" }, "switches"},
		"no index":              {func(j *journal) { j.Switches = nil }, "no index"},
		"no transaction":        {func(j *journal) { j.Transaction = "" }, "no transaction"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := sample()
			tt.damage(&j)
			text, err := formatJournal(j)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseJournal(text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := parseJournal([]byte("mmpush-journal 2 00\n{}")); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer version: %v", err)
	}
}

func FuzzJournal(f *testing.F) {
	text, err := formatJournal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("mmpush-journal 1 \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		j, err := parseJournal(text)
		if err != nil {
			return
		}
		again, err := formatJournal(j)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseJournal(again); err != nil || !reflect.DeepEqual(got, j) {
			t.Errorf("%+v became %+v (%v)", j, got, err)
		}
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c := Clock{Step: time.Millisecond, Limit: time.Second}
	at := func(d time.Duration) repo.Identity { return repo.Identity{Ino: 1, ModTime: now.Add(d).UnixNano()} }
	tests := []struct {
		name string
		base repo.Identity
		want time.Duration
		wait bool
	}{
		{"no file before", repo.Identity{}, 0, false},
		{"an older file", at(-time.Hour), 0, false},
		{"a file of this moment", at(0), time.Millisecond, false},
		{"a file of the near future", at(500 * time.Millisecond), 501 * time.Millisecond, false},
		{"a file at the limit", at(time.Second), time.Second + time.Millisecond, true},
		{"a file of next year", at(8760 * time.Hour), 8760*time.Hour + time.Millisecond, true},
	}
	for _, tt := range tests {
		got, wait := c.after(tt.base, now)
		if !got.Equal(now.Add(tt.want)) || (wait > 0) != tt.wait {
			t.Errorf("%s: %v, wait %v", tt.name, got.Sub(now), wait)
		}
	}
}
