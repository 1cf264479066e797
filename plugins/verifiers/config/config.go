package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// Decode reads a JSON object into a struct with json tags; nothing is an empty object.
func Decode(data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return errors.New("more than one value")
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: is a %s, and has to be %s", wrong.Field, wrong.Value, kindName(wrong.Type))
	}
	if _, rest, found := strings.Cut(err.Error(), "unknown field "); found {
		return unknown(strings.Trim(rest, `"`), keys(reflect.TypeOf(into)))
	}
	return err
}

// unknown is about a key that there is not.
func unknown(key string, known []string) error {
	best, least := "", 1+max(1, len(key)/2)
	for _, k := range known {
		if d := report.Distance(key, k); len(key) <= 64 && d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Errorf("%q: is not a known key; %q may be meant", key, best)
	}
	return fmt.Errorf("%q: is not a known key; these are: %s", key, strings.Join(known, ", "))
}

// keys are all keys of a type and those below it, in order.
func keys(t reflect.Type) []string {
	var list []string
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		for _, key := range append([]string{name}, keys(f.Type)...) {
			if key != "" && !slices.Contains(list, key) {
				list = append(list, key)
			}
		}
	}
	return list
}

func kindName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "a number"
	}
	return "a text"
}

// Patterns checks patterns of [path.Match].
func Patterns(key string, patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("%s: %q is not a pattern", key, p)
		}
	}
	return nil
}

// Matches reports whether any of some patterns matches; they have been checked.
func Matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
