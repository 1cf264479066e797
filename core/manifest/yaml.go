package manifest

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/mmpush/mmpush/core/report"
)

// parseYAML returns the only document of the text as a tree; ok is false if what
// it added to found leaves nothing to look at.
func parseYAML(text string, found *findings) (root node, ok bool) {
	// The library promises no panic-free parser, and text that comes from a
	// stranger must not take a server down. Stack exhaustion, which cannot be
	// recovered, is what checkTokens is for.
	defer func() {
		if recover() != nil {
			found.unreadable(0, "the manifest cannot be read as YAML", hintYAML)
			root, ok = node{}, false
		}
	}()
	tokens := scan(text, found)
	checkTokens(tokens, found)
	if found.refused() {
		return node{}, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		addSyntaxError(err, found)
		return node{}, false
	}
	body := body(file)
	if body == nil {
		found.unreadable(1, "the manifest is empty", hintYAML)
		return node{}, false
	}
	return (&builder{found}).node(body, ""), true
}

// addSyntaxError tells the library's message with its line, without the excerpt
// of the source that its Error method adds.
func addSyntaxError(err error, found *findings) {
	message, line := "the manifest cannot be read", 0
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &syntax) {
		message = syntax.GetMessage()
		if tk := syntax.GetToken(); tk != nil && tk.Position != nil {
			line = tk.Position.Line
		}
	}
	found.unreadable(line, "this is not YAML: "+message, hintYAML)
}

// body is the content of the document; nil if there is none. checkTokens has
// seen to it that there is only one.
func body(file *ast.File) ast.Node {
	for _, doc := range file.Docs {
		if doc.Body != nil {
			return doc.Body
		}
	}
	return nil
}

type kind int

const (
	kindText kind = iota
	kindMapping
	kindList
)

// node is a YAML value in which every scalar is its text.
type node struct {
	kind    kind
	text    string
	entries []entry
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	line  int
	value node
}

// describe names a value in a message.
func (n node) describe() string {
	switch {
	case n.kind == kindMapping:
		return "a mapping"
	case n.kind == kindList:
		return "a list"
	case n.text == "":
		return ""
	}
	return fmt.Sprintf("the text %q", show(n.text))
}

// builder makes nodes of the library's tree.
type builder struct {
	found *findings
}

func (b *builder) node(n ast.Node, path string) node {
	switch v := n.(type) {
	case *ast.MappingNode:
		return b.mapping(v.Values, path)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{v}, path)
	case *ast.SequenceNode:
		for i, item := range v.Values {
			b.node(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return node{kind: kindList}
	}
	return node{text: text(n)}
}

// mapping keeps the first of two entries with one key, and refuses the second.
func (b *builder) mapping(values []*ast.MappingValueNode, path string) node {
	n := node{kind: kindMapping}
	lines := make(map[string]int, len(values))
	for _, v := range values {
		e := entry{key: text(v.Key), line: line(v.Key)}
		field := join(path, e.key)
		e.value = b.node(v.Value, field)
		if first, twice := lines[e.key]; twice {
			b.found.add(report.Finding{
				Code: report.CodeDuplicate, Line: e.line, Field: field,
				Message: fmt.Sprintf("the key %q stands twice in one mapping, in lines %d and %d", show(e.key), first, e.line),
				Hint:    "keep the one that is meant",
			})
			continue
		}
		lines[e.key] = e.line
		n.entries = append(n.entries, e)
	}
	return n
}

// text is a scalar as it stands in the manifest, unquoted.
func text(n ast.Node) string {
	switch v := n.(type) {
	case *ast.TagNode:
		return text(v.Value)
	case *ast.MappingKeyNode:
		return text(v.Value)
	case *ast.LiteralNode:
		return v.Value.Value
	}
	tk := n.GetToken()
	if tk == nil || tk.Type == token.ImplicitNullType {
		return ""
	}
	return tk.Value
}

func line(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// join is the path of a field below another.
func join(path, key string) string {
	if path == "" {
		return show(key)
	}
	return path + "." + show(key)
}
