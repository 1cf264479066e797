package config

import (
	"strings"
	"testing"
)

type rule struct {
	Source string   `json:"source"`
	Names  []string `json:"names"`
}

type settings struct {
	Need  int    `json:"need"`
	Rules []rule `json:"rules"`
	Deep  *rule  `json:"deep"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var s settings
	if err := Decode([]byte(`{"need":2,"rules":[{"source":"a*","names":["x"]}]}`), &s); err != nil || s.Need != 2 || s.Rules[0].Names[0] != "x" {
		t.Errorf("%+v %v", s, err)
	}
	if err := Decode(nil, &s); err != nil {
		t.Error(err)
	}
	for text, say := range map[string]string{
		`{"ned":1}`:                     `"need" may be meant`,
		`{"rules":[{"sorce":"a"}]}`:     `"source" may be meant`,
		`{"deep":{"nams":[]}}`:          `"names" may be meant`,
		`{"quite-something-else":true}`: "these are: need, rules, source, names, deep",
		`{"need":"two"}`:                "need: is a string, and has to be a number",
		`{"rules":"x"}`:                 "rules: is a string, and has to be a list",
		`{} {}`:                         "more than one value",
		`[]`:                            "has to be a mapping",
	} {
		if err := Decode([]byte(text), &settings{}); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", text, err, say)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	if err := Patterns("names", []string{"a*", "[a"}); err == nil || !strings.Contains(err.Error(), `names: "[a" is not a pattern`) {
		t.Error(err)
	}
	if err := Patterns("names", []string{""}); err == nil {
		t.Error("an empty pattern")
	}
	if !Matches([]string{"b", "a*"}, "abc") || Matches([]string{"b", "a*"}, "c") || Matches(nil, "c") {
		t.Error("matches")
	}
}
