package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxSize is the most bytes that a file may have. Whoever reads a stranger's file
	// takes less: the library's lexer takes time in the square of some texts.
	MaxSize = 256 << 10
	// maxDepth is how deep values may be nested.
	maxDepth = 32
	// maxFields is how many keys there may be: the library's parser takes time in the
	// square of that.
	maxFields = 4 << 10
)

// Kind is the form of a value.
type Kind int

// The kinds.
const (
	// Nothing: a key without a value, or null.
	Nothing Kind = iota
	Scalar
	Mapping
	List
)

// Value is a value with its place.
type Value struct {
	Kind Kind
	// Line is where it begins, from 1; 0 is unknown.
	Line int
	// Text is a scalar as it stands in the file, without its quotes.
	Text string
	// Entries are those of a mapping, in their order; each key is there once.
	Entries []Entry
	// Items are those of a list.
	Items []Value

	// typed is a scalar as YAML understands it: a text, a number or a truth.
	typed any
}

// Entry is one key of a mapping.
type Entry struct {
	Key string
	// Line is that of the key.
	Line  int
	Value Value
}

// Any is the value as encoding/json has it.
func (v Value) Any() any {
	switch v.Kind {
	case Scalar:
		return v.typed
	case Mapping:
		m := make(map[string]any, len(v.Entries))
		for _, e := range v.Entries {
			m[e.Key] = e.Value.Any()
		}
		return m
	case List:
		l := make([]any, 0, len(v.Items))
		for _, item := range v.Items {
			l = append(l, item.Any())
		}
		return l
	}
	return nil
}

// describe names a value in a message.
func (v Value) describe() string {
	switch v.Kind {
	case Mapping:
		return "a mapping"
	case List:
		return "a list"
	case Nothing:
		return "nothing"
	}
	return fmt.Sprintf("%q", short(v.Text))
}

// parse returns the tree of the only document. An empty file is an empty mapping.
func parse(text []byte) (root Value, err error) {
	// The library promises no panic-free parser, and the text may be a stranger's.
	defer func() {
		if recover() != nil {
			root, err = Value{}, Problems{{Message: "cannot be read as YAML"}}
		}
	}()
	if len(text) > MaxSize {
		return Value{}, Problems{{Message: fmt.Sprintf("has %d bytes; at most %d are allowed", len(text), MaxSize)}}
	}
	tokens, err := scan(string(text))
	if err == nil {
		err = check(tokens)
	}
	if at := tabbed(string(text)); err != nil && at > 0 {
		err = Problems{{Line: at, Message: "begins with a tab; YAML is indented with spaces"}}
	}
	if err != nil {
		return Value{}, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return Value{}, syntax(err)
	}
	if len(tokens) == 0 && !blank(string(text)) {
		// The scanner drops some texts without a word.
		return Value{}, Problems{{Message: "this is not YAML"}}
	}
	root = Value{Kind: Mapping, Line: 1}
	for i, doc := range file.Docs {
		if i > 0 {
			return Value{}, Problems{{Line: line(doc), Message: "a second document begins here; the file is one"}}
		}
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			b := builder{}
			root = b.value(doc.Body, "", 0)
			err = b.Err()
		}
	}
	return root, err
}

// scan returns the text's tokens. It is the library's lexer.Tokenize, but does not take
// what cannot be scanned for the end.
func scan(text string) (tokens token.Tokens, err error) {
	var s scanner.Scanner
	s.Init(text)
	for {
		next, err := s.Scan()
		for _, tk := range next {
			// The parser stumbles over some comments.
			if tk.Type != token.CommentType {
				tokens.Add(tk)
			}
		}
		if errors.Is(err, io.EOF) {
			return tokens, nil
		}
		if err != nil {
			p := Problem{Message: "this is not YAML: " + err.Error()}
			if n := len(tokens); n > 0 {
				p.Line = tokens[n-1].Position.Line
			}
			return nil, Problems{p}
		}
	}
}

// tabbed is the first line that begins with a tab, maybe behind spaces; 0 if none does.
func tabbed(text string) int {
	number := 0
	for l := range strings.Lines(text) {
		number++
		if strings.HasPrefix(strings.TrimLeft(l, " "), "\t") {
			return number
		}
	}
	return 0
}

// blank reports whether there is nothing but white space and comments.
func blank(text string) bool {
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			return false
		}
	}
	return true
}

// check refuses, ahead of the parser, what would cost it time or stack out of
// proportion.
func check(tokens token.Tokens) error {
	depth, fields, column := 0, 0, 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			return Problems{{Line: tk.Position.Line, Message: "anchors, aliases, merge keys, tags and directives are not allowed here: write the value out"}}
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.MappingValueType, token.SequenceEntryType, token.MappingKeyType:
			fields++
			column = max(column, tk.Position.Column)
		}
		// A block is nested as deep as its columns, at most.
		if depth > maxDepth || column > maxDepth*maxDepth && tk.Type == token.SequenceEntryType {
			return Problems{{Line: tk.Position.Line, Message: fmt.Sprintf("is nested more than %d deep", maxDepth)}}
		}
		if fields > maxFields {
			return Problems{{Line: tk.Position.Line, Message: fmt.Sprintf("has more than %d keys", maxFields)}}
		}
	}
	return nil
}

// syntax tells the library's message with its line, without the excerpt of the text
// that its Error method adds.
func syntax(err error) error {
	p := Problem{Message: "this is not YAML: " + err.Error()}
	var told interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &told) {
		p.Message = "this is not YAML: " + told.GetMessage()
		if tk := told.GetToken(); tk != nil && tk.Position != nil {
			p.Line = tk.Position.Line
		}
	}
	return Problems{p}
}

// builder makes values of the library's tree.
type builder struct{ Reader }

func (b *builder) value(n ast.Node, path string, depth int) Value {
	v := Value{Kind: Scalar, Line: line(n)}
	if depth > maxDepth {
		b.Wrong(v.Line, path, "is nested more than %d deep", maxDepth)
		return Value{Line: v.Line}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(v, n.Values, path, depth)
	case *ast.MappingValueNode:
		return b.mapping(v, []*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		v.Kind = List
		for i, item := range n.Values {
			v.Items = append(v.Items, b.value(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case *ast.NullNode:
		v.Kind = Nothing
	case *ast.LiteralNode:
		v.Text, v.typed = n.Value.Value, n.Value.Value
	case ast.ScalarNode:
		v.Text, v.typed = n.GetToken().Value, n.GetValue()
	default:
		b.Wrong(v.Line, path, "is not a value that can stand here")
		v.Kind = Nothing
	}
	return v
}

// mapping keeps the first of two entries with one key, and refuses the second.
func (b *builder) mapping(v Value, values []*ast.MappingValueNode, path string, depth int) Value {
	v.Kind = Mapping
	lines := make(map[string]int, len(values))
	for _, pair := range values {
		key, ok := pair.Key.(ast.ScalarNode)
		if !ok {
			b.Wrong(line(pair), path, "a key here is not a simple text")
			continue
		}
		e := Entry{Key: key.GetToken().Value, Line: line(pair.Key)}
		field := join(path, e.Key)
		e.Value = b.value(pair.Value, field, depth+1)
		if first, twice := lines[e.Key]; twice {
			b.Wrong(e.Line, field, "stands twice, in lines %d and %d", first, e.Line)
			continue
		}
		lines[e.Key] = e.Line
		v.Entries = append(v.Entries, e)
	}
	return v
}

func line(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// join is the path of a key below another.
func join(path, key string) string {
	if path == "" {
		return short(key)
	}
	return path + "." + short(key)
}

// short is a text from the file as a message repeats it.
func short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
