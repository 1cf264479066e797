//go:build unix

package plugins

import (
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// BenchmarkOnePlugin is what one plugin adds to a publish: copied, hashed, started,
// asked and ended. A plugin of its own is smaller than the test binary.
func BenchmarkOnePlugin(b *testing.B) {
	u := inspected(b, mpktest.Upload{})
	pin := role(b, "simple")
	for b.Loop() {
		v := NewVerifier(pin, Options{})
		if _, err := v.Verify(b.Context(), u); err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}

// BenchmarkCall is one more question to a plugin that runs.
func BenchmarkCall(b *testing.B) {
	u := inspected(b, mpktest.Upload{})
	v := verifierOf(b, role(b, "simple"), Options{})
	for b.Loop() {
		if _, err := v.Verify(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
}
