package main

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// schemaFile is the JSON schema of the documents: "$defs" has one for each verb.
const schemaFile = "testdata/schema.json"

// schema is what is used of JSON Schema (2020-12).
type schema struct {
	Schema     string             `json:"$schema,omitempty"`
	Title      string             `json:"title,omitempty"`
	Ref        string             `json:"$ref,omitempty"`
	AnyOf      []*schema          `json:"anyOf,omitempty"`
	Type       string             `json:"type,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	// Additional is false, or the schema of a map's values.
	Additional any                `json:"additionalProperties,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Defs       map[string]*schema `json:"$defs,omitempty"`
}

// typeSchemas are the schemas of types, by name.
type typeSchemas map[string]*schema

// schema is that of how encoding/json writes a type.
func (k typeSchemas) schema(t reflect.Type) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]() || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return &schema{Type: "string"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()) || t == reflect.TypeFor[json.RawMessage]():
		return &schema{}
	}
	switch t.Kind() {
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: "string"}
		}
		return &schema{Type: "array", Items: k.schema(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Additional: k.schema(t.Elem())}
	case reflect.Struct:
		name := strings.TrimPrefix(t.String(), "main.")
		if _, known := k[name]; !known {
			s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
			k[name] = s
			k.addFields(s, t)
			slices.Sort(s.Required)
		}
		return &schema{Ref: "#/$defs/" + name}
	case reflect.Interface:
		return &schema{}
	}
	return &schema{Type: "integer"}
}

func (k typeSchemas) addFields(s *schema, t reflect.Type) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "":
			k.addFields(s, f.Type)
		default:
			if name == "" {
				name = f.Name
			}
			s.Properties[name] = k.schema(f.Type)
			if !strings.Contains(options, "omit") {
				s.Required = append(s.Required, name)
			}
		}
	}
}

// check says where a value is not what the schema says.
func (s *schema) check(defs map[string]*schema, at string, v any) error {
	if s.Ref != "" {
		return defs[strings.TrimPrefix(s.Ref, "#/$defs/")].check(defs, at, v)
	}
	if len(s.AnyOf) > 0 {
		var all []error
		for _, one := range s.AnyOf {
			err := one.check(defs, at, v)
			if err == nil {
				return nil
			}
			all = append(all, err)
		}
		return errors.Join(all...)
	}
	kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Map: "object", reflect.Slice: "array", reflect.Float64: "number"}[reflect.ValueOf(v).Kind()]
	if s.Type == "integer" && kind == "number" && v.(float64) == float64(int64(v.(float64))) {
		kind = "integer"
	}
	if s.Type != "" && s.Type != kind {
		return fmt.Errorf("%s is a %q, the schema wants %s", at, kind, s.Type)
	}
	var wrong []error
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if s.Items != nil {
				wrong = append(wrong, s.Items.check(defs, fmt.Sprintf("%s[%d]", at, i), item))
			}
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, fmt.Errorf("%s has no %q", at, name))
			}
		}
		for name, value := range v {
			wrong = append(wrong, s.property(name).check(defs, at+"."+name, value))
		}
	}
	return errors.Join(wrong...)
}

// property is the schema of a property; nothing is valid where there is none.
func (s *schema) property(name string) *schema {
	if p, ok := s.Properties[name]; ok {
		return p
	}
	switch more := s.Additional.(type) {
	case *schema:
		return more
	case map[string]any:
		text, _ := json.Marshal(more)
		var p schema
		_ = json.Unmarshal(text, &p)
		return &p
	case nil:
		return &schema{}
	}
	return &schema{Type: "nothing"}
}

// documented is a command line whose document is checked.
type documented struct {
	verb string
	args []string
	// stopped: the verb runs until it is stopped, and it is.
	stopped bool
	// besides is the document of a success that takes more than a test has here.
	besides any
}

// documentedRuns are one run, at least, of every verb that has a document of its own;
// what fails has the common one.
func documentedRuns(t *testing.T) []documented {
	t.Helper()
	at, dir := newRepo(t, "uploads/01-foo-1.0.0", "uploads/03-greet-0.9.0"), t.TempDir()
	pacman, git, users := filepath.Join(dir, "pacman"), filepath.Join(dir, "dist.git"), filepath.Join(dir, "users")
	if out, err := exec.Command(programtest.Need(t, "git"), "init", "-q", "--bare", git).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("a long and good password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key.pub")
	if err := os.WriteFile(key, []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGn9tUl9bqHTTQo8pV9pGZEQ7sGgpC0Jdr4MHzmsMT5S x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Glob("../../testdata/pacman/packages/*.pkg.tar.*")
	if err != nil || len(packages) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	foo, next := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/06-foo-1.1.0")
	pkg := packages[slices.IndexFunc(packages, func(p string) bool { return !strings.HasSuffix(p, ".sig") })]
	return []documented{
		{verb: "push", args: []string{foo, "--to", at}},
		{verb: "push", args: []string{next, manifestOf(t, "uploads-bad/wrong-size"), "--to", at}},
		{verb: "check", args: []string{foo}},
		{verb: "check", args: []string{foo, manifestOf(t, "uploads-bad/wrong-size")}},
		{verb: "init", args: []string{filepath.Join(dir, "new"), "--arch", "amd64-debian"}},
		{verb: "init", args: []string{pacman, "--kind", "pacman", "--name", "demo"}},
		{verb: "list", args: []string{"-R", at}},
		{verb: "remove", args: []string{"-R", at, "greet-doc", "--yes"}},
		{verb: "log", args: []string{"-R", at}},
		{verb: "show", args: []string{"-R", at, "1"}},
		{verb: "who", args: []string{"-R", at, "libfoo1"}},
		{verb: "undo", args: []string{"-R", at, "--dry-run"}},
		{verb: "verify-log", args: []string{"-R", at}},
		{verb: "gc", args: []string{"-R", at}},
		{verb: "export", args: []string{"-R", at, filepath.Join(dir, "www")}},
		{verb: "fsck", args: []string{"-R", at, "--deep"}},
		{verb: "recover", args: []string{"-R", at}},
		{verb: "abort", args: []string{"nothing", "-R", at}, besides: partsAnswer{}},
		{verb: "batch", args: []string{"-R", at}},
		{verb: "watch", args: []string{dir, "-R", at}, stopped: true},
		{verb: "gensync", args: []string{pacman, "--name", "demo", "--add", pkg}},
		{verb: "user add", args: []string{"ann", "--users", users, "--rights", "*", "--password-file", password}},
		{verb: "user passwd", args: []string{"ann", "--users", users, "--password-file", password}},
		{verb: "user token", args: []string{"ann", "--users", users}},
		{verb: "user rights", args: []string{"ann", "--users", users}},
		{verb: "user list", args: []string{"--users", users}},
		{verb: "serve", args: []string{"-R", at, "--listen", "127.0.0.1:0", "--users", users}, stopped: true},
		{verb: "user remove", args: []string{"ann", "--users", users}},
		{verb: "service print"},
		{verb: "hook install", args: []string{"--git-dir", git, "-R", at, "--refs", "refs/heads/dist"}},
		{verb: "hook status", args: []string{"--git-dir", git}},
		{verb: "hook post-receive", args: []string{"--git-dir", git}},
		{verb: "hook pre-receive", args: []string{"--git-dir", git}},
		{verb: "status", args: []string{"0123456789abcdef", "--git-dir", git}, besides: gitpush.Status{}},
		{verb: "status", args: []string{"-R", at}},
		{verb: "hook uninstall", args: []string{"--git-dir", git}},
		{verb: "receive", args: []string{"--authorized-keys-line", key, "--as", "ann", at}},
		{verb: "sign", args: []string{foo, "--with", "ssh", "--key", filepath.Join(dir, "nothing")}, besides: signDoc{}},
		{verb: "sign", args: []string{foo, "--with", "ssh", "--key", password, "--dry-run"}},
		{verb: "plugin list", args: []string{"-R", at}},
		{verb: "plugin check", args: []string{filepath.Join(dir, "nothing")}, besides: pluginDoc{}},
		{verb: "config"},
		{verb: "explain"},
		{verb: "completion", args: []string{"bash"}},
		{verb: "version"},
	}
}

// document runs a command line as the program does, and returns what it writes and the
// type of that.
func (d documented) document(t *testing.T) (text []byte, kind reflect.Type) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	e := shell{}.env(&stdout, &stderr, slices.Concat(strings.Fields(d.verb), d.args, []string{"--json"}))
	e.Args0, e.Stdin = "mmpush", strings.NewReader("")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if d.stopped {
		cancel()
	}
	a := newApp(e)
	defer a.plugins.close()
	v, err := a.parse()
	doc, code := any(nil), 0
	if err != nil {
		doc, code = a.fail(err)
	} else {
		doc, code = v.run(ctx, a)
	}
	if code = a.end(doc, code); code != exitDone {
		t.Logf("%s %q: exit %d\n%s", d.verb, d.args, code, stderr.String())
	}
	return stdout.Bytes(), reflect.TypeOf(doc)
}

// TestSchema: whatever a verb is asked, its answer is exactly one document, and that is
// as the committed schema says; MMPUSH_GOLDEN=write writes the schema anew.
func TestSchema(t *testing.T) {
	t.Parallel()
	type answered struct {
		documented
		text []byte
	}
	var all []answered
	types := map[string][]reflect.Type{}
	failure := reflect.TypeFor[answer]()
	for _, run := range documentedRuns(t) {
		text, kind := run.document(t)
		all = append(all, answered{run, text})
		for _, kind := range []reflect.Type{failure, kind, reflect.TypeOf(run.besides)} {
			if kind != nil && !slices.Contains(types[run.verb], kind) {
				types[run.verb] = append(types[run.verb], kind)
			}
		}
	}
	for _, n := range verbsOf(t) {
		if !n.Leaf() {
			continue
		}
		if types[n.Path()] == nil {
			t.Errorf("no document of %s is tried", n.Path())
		}
		wrong := documented{verb: n.Path(), args: []string{"--no-such-flag"}}
		text, _ := wrong.document(t)
		all = append(all, answered{wrong, text})
	}
	made := typeSchemas{}
	for verb, list := range types {
		s := &schema{}
		for _, kind := range list {
			s.AnyOf = append(s.AnyOf, made.schema(kind))
		}
		made[definition(verb)] = s
	}
	committed := committedSchema(t, &schema{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "The documents of mmpush --output=json: mmpush-VERB, which is one of several", Defs: made,
	})
	for _, a := range all {
		d := json.NewDecoder(bytes.NewReader(a.text))
		var doc any
		if err := d.Decode(&doc); err != nil {
			t.Errorf("%s %q: no document: %v", a.verb, a.args, err)
			continue
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			t.Errorf("%s %q: something follows the document: %v", a.verb, a.args, err)
		}
		s, ok := committed.Defs[definition(a.verb)]
		if !ok {
			t.Errorf("%s is not in %s", a.verb, schemaFile)
			continue
		}
		if err := s.check(committed.Defs, a.verb, doc); err != nil {
			t.Errorf("%s %q: %v\n%s", a.verb, a.args, err, a.text)
		}
	}
}

// definition is the name of a verb's schema.
func definition(verb string) string { return "mmpush-" + strings.ReplaceAll(verb, " ", "-") }

// committedSchema reads the file, which has to say what the types do.
func committedSchema(t *testing.T, made *schema) *schema {
	t.Helper()
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(schemaFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, committed) {
		t.Errorf("%s is not what the documents are; a field may come, and none may go. MMPUSH_GOLDEN=write writes:\n%s", schemaFile, text)
	}
	var s schema
	if err := json.Unmarshal(committed, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// TestSchemaSees: a document that is not as the schema says is seen.
func TestSchemaSees(t *testing.T) {
	t.Parallel()
	k := typeSchemas{}
	s := k.schema(reflect.TypeFor[listing]())
	for text, good := range map[string]bool{
		`{"schema":1,"repository":"r","architecture":"a","packages":[]}`:            true,
		`{"schema":1,"repository":"r","architecture":"a"}`:                          false,
		`{"schema":"1","repository":"r","architecture":"a","packages":[]}`:          false,
		`{"schema":1.5,"repository":"r","architecture":"a","packages":[]}`:          false,
		`{"schema":1,"repository":"r","architecture":"a","packages":[{}]}`:          false,
		`{"schema":1,"repository":"r","architecture":"a","packages":null}`:          false,
		`{"schema":1,"repository":"r","architecture":"a","packages":[],"more":"x"}`: false,
		`[]`: false,
	} {
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := s.check(k, "list", doc); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
