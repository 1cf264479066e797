package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/server"
)

// TestLimitsHelp: the defaults that the help tells are those that hold, and each field
// of the limits has its flag.
func TestLimitsHelp(t *testing.T) {
	t.Parallel()
	var told limitFlags
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Anonymous {
				fill(v.Field(i))
				continue
			}
			_, value, ok := strings.Cut(field.Tag.Get("help"), "Default: ")
			if !ok {
				t.Errorf("%s: the help tells no default", field.Name)
				continue
			}
			text := []byte(strings.TrimSuffix(value, "."))
			if err := v.Field(i).Addr().Interface().(interface{ UnmarshalText([]byte) error }).UnmarshalText(text); err != nil {
				t.Errorf("%s: %v", field.Name, err)
			}
		}
	}
	fill(reflect.ValueOf(&told).Elem())
	if got, want := told.limits(), (server.Limits{}).WithDefaults(); got != want {
		t.Errorf("told  %+v\nholds %+v", got, want)
	}
}

func TestByteCount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byteCount{
		"1": 1, "4000": 4000, "4000B": 4000, "64KiB": 64 << 10, "2GB": 2e9, "8TiB": 8 << 40,
		"0": -1, "-1": -1, "": -1, "KiB": -1, "1K": -1, "1iB": -1, "1BK": -1, "9000000000000TiB": -1, "1.5GB": -1, "99999999999999999999": -1,
	} {
		var got byteCount
		if err := got.UnmarshalText([]byte(text)); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d %v", text, got, err)
		}
	}
}
