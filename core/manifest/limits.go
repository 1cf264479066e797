package manifest

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

const (
	// MaxFields is how many "key: value" pairs a manifest may have; a package
	// takes four, so that is some 2,000 packages. The library's parser takes time
	// in the square of that number.
	MaxFields = 8 << 10
	// MaxDepth is how deep mappings and lists may be nested; a manifest nests
	// four deep.
	MaxDepth = 16

	maxTokens = 4 * MaxFields
	// maxPaths bounds the bytes of the paths that the library's parser keeps for
	// each value: "$.binpkgs.amd64-debian.foo.size".
	maxPaths = 4 << 20
)

// checkTokens refuses, before the parser runs, what a manifest does not need and
// what would cost the parser memory, time or stack out of proportion.
func checkTokens(tokens token.Tokens, found *findings) {
	c := tokenCheck{found: found, tokens: tokens}
	for i := range tokens {
		c.feature(i)
	}
	if len(tokens) > maxTokens {
		found.unreadable(0, fmt.Sprintf("the manifest has %d parts; at most %d are allowed", len(tokens), maxTokens), hintFewer)
		return
	}
	c.size()
}

// tokenCheck follows the nesting through the tokens, as the parser will.
type tokenCheck struct {
	found  *findings
	tokens token.Tokens
	open   []level
	paths  int
	fields int
}

// level is one open mapping or list. In block style it ends where a key stands
// further left, in flow style at its bracket.
type level struct {
	column int
	flow   bool
	// keyed: this entry of a flow level has had its key; one more before the
	// next comma is nested in it.
	keyed bool
	// base is the length of the path up to here, path that of the current entry.
	base, path int
}

// feature refuses the kinds of YAML that mean something else to every reader.
func (c *tokenCheck) feature(i int) {
	tk := c.tokens[i]
	refuse := func(what string) {
		c.found.unreadable(tk.Position.Line, what, "write the values out, as mmpack-build does")
	}
	switch tk.Type {
	case token.AnchorType, token.AliasType:
		refuse("anchors and aliases (& and *) are not allowed in a manifest")
	case token.MergeKeyType:
		refuse("merge keys (<<) are not allowed in a manifest")
	case token.DirectiveType:
		refuse("directives (%) are not allowed in a manifest")
	case token.TagType:
		if tk.Value != "!!str" || c.typeAt(i+1) == token.TagType {
			refuse("tags (!) are not allowed in a manifest")
		}
	case token.MappingValueType:
		if c.glued(i) {
			refuse("a ':' needs a space after it")
		}
	case token.DocumentHeaderType:
		if i > 0 {
			refuse("a second document starts here; a manifest is one")
		}
	case token.DocumentEndType:
		if i+1 < len(c.tokens) && c.typeAt(i+1) != token.DocumentHeaderType {
			refuse("the document ends here and something follows; a manifest is one document")
		}
	}
}

// glued reports whether the ':' at i stands between a key without quotes and a
// value, without a space: {size:1}. The library takes that for a key and its
// value, mmpack's own reader for the key "size:1".
func (c *tokenCheck) glued(i int) bool {
	if i == 0 || i+1 == len(c.tokens) {
		return false
	}
	switch c.typeAt(i - 1) {
	case token.SingleQuoteType, token.DoubleQuoteType, token.MappingEndType, token.SequenceEndType:
		return false
	}
	switch c.typeAt(i + 1) {
	case token.CollectEntryType, token.MappingStartType, token.MappingEndType, token.SequenceStartType, token.SequenceEndType:
		return false
	}
	colon, next := c.tokens[i].Position, c.tokens[i+1].Position
	return colon.Line == next.Line && colon.Column+1 == next.Column
}

func (c *tokenCheck) typeAt(i int) token.Type {
	if i < 0 || i >= len(c.tokens) {
		return token.UnknownType
	}
	return c.tokens[i].Type
}

// size refuses too many fields and too deep nesting. It stops at the first,
// since what follows cannot be counted any more.
func (c *tokenCheck) size() {
	for i, tk := range c.tokens {
		c.nest(i)
		if len(c.open) > 0 {
			c.paths += c.open[len(c.open)-1].path
		}
		switch {
		case c.fields > MaxFields:
			c.found.unreadable(tk.Position.Line, fmt.Sprintf("the manifest has more than %d fields", MaxFields), hintFewer)
		case len(c.open) > MaxDepth:
			c.found.unreadable(tk.Position.Line, fmt.Sprintf("the manifest is nested more than %d deep", MaxDepth), hintYAML)
		case c.paths > maxPaths:
			c.found.unreadable(tk.Position.Line, "the manifest has too long keys, nested too deep", hintYAML)
		default:
			continue
		}
		return
	}
}

// nest opens and closes levels for the token at i.
func (c *tokenCheck) nest(i int) {
	tk := c.tokens[i]
	switch tk.Type {
	case token.MappingStartType, token.SequenceStartType:
		c.push(level{column: tk.Position.Column, flow: true}, 0)
	case token.MappingEndType, token.SequenceEndType:
		c.closeFlow()
	case token.CollectEntryType:
		c.entryEnd()
	case token.SequenceEntryType:
		c.block(tk.Position.Column, "[00000]")
	case token.MappingKeyType:
		c.block(tk.Position.Column, c.valueAt(i+1))
	case token.MappingValueType:
		c.fields++
		c.block(c.keyColumn(i), c.valueAt(i-1))
	}
}

// keyColumn is where the key of the ':' at i starts, its tag included. A ':' that
// begins its line belongs to a "? key" in the same column.
func (c *tokenCheck) keyColumn(i int) int {
	colon := c.tokens[i].Position
	if i == 0 || c.tokens[i-1].Position.Line != colon.Line {
		return colon.Column
	}
	if c.typeAt(i-2) == token.TagType {
		return c.tokens[i-2].Position.Column
	}
	return c.tokens[i-1].Position.Column
}

func (c *tokenCheck) valueAt(i int) string {
	if i < 0 || i >= len(c.tokens) {
		return ""
	}
	return c.tokens[i].Value
}

// block enters the level of a key, or of a list's dash, in that column: the open
// one, or a new one.
func (c *tokenCheck) block(column int, key string) {
	for len(c.open) > 0 && !c.top().flow && c.top().column > column {
		c.open = c.open[:len(c.open)-1]
	}
	if n := len(c.open); n > 0 {
		top := &c.open[n-1]
		if top.flow && !top.keyed || !top.flow && top.column == column {
			top.keyed = true
			top.path = top.base + len(key) + 1
			return
		}
	}
	c.push(level{column: column}, len(key)+1)
}

// entryEnd closes what was opened within one entry of a flow level.
func (c *tokenCheck) entryEnd() {
	for len(c.open) > 0 && !c.top().flow {
		c.open = c.open[:len(c.open)-1]
	}
	if n := len(c.open); n > 0 {
		c.open[n-1].keyed = false
	}
}

func (c *tokenCheck) closeFlow() {
	c.entryEnd()
	if n := len(c.open); n > 0 {
		c.open = c.open[:n-1]
	}
}

func (c *tokenCheck) push(l level, key int) {
	if len(c.open) > 0 {
		l.base = c.top().path
	}
	l.path = l.base + key
	c.open = append(c.open, l)
}

func (c *tokenCheck) top() level { return c.open[len(c.open)-1] }
