package repo

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestVerifierSettings(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	text := "verifiers:\n" +
		"    zeta:\n        plugin: /opt/z\n        sha256: " + strings.ToUpper(sum) + "\n        mode: warn\n        timeout: 30s\n        config:\n            allow: [MIT, BSD]\n            deep: {n: 1}\n" +
		"    alpha: {mode: off}\n" +
		"    beta: {}\n"
	s, err := parseSettings([]byte(text), "mmpack")
	want := []VerifierSetting{
		{Name: "zeta", Mode: VerifierWarn, Plugin: "/opt/z", SHA256: sum, Timeout: 30 * time.Second, Config: []byte(`{"allow":["MIT","BSD"],"deep":{"n":1}}`)},
		{Name: "alpha", Mode: VerifierOff},
		{Name: "beta", Mode: VerifierReject},
	}
	if err != nil || !reflect.DeepEqual(s.Verifiers, want) {
		t.Errorf("%+v %v", s.Verifiers, err)
	}
	for text, say := range map[string]string{
		"x: {mode: maybe}":                    "not one of reject, warn, off",
		"x: {plugin: /opt/x}":                 "go together",
		"x: {sha256: " + sum + "}":            "go together",
		"x: {plugin: x, sha256: " + sum + "}": "not an absolute path",
		"x: {plugin: /x, sha256: abc}":        "64 hexadecimal digits",
		"x: {plugin: /x, sha256: x, exec: y}": "there is no such key",
		"X: {}":                               "a name is a letter",
		"x: {timeout: soon}":                  "expected a time",
		"[a, b]":                              "expected a mapping",
		"x: {config: [1]}":                    "config",
		"x: {}\n    x: {}":                    "stands twice",
	} {
		s, err := parseSettings([]byte("verifiers:\n    "+text+"\n"), "mmpack")
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q (%+v)", text, err, say, s.Verifiers)
		}
	}
}
