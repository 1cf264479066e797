package manifest

import (
	"errors"
	"io"
	"strings"

	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// scan returns the text's tokens without the comments. It is the library's
// lexer.Tokenize, but stops at the first error.
func scan(text string, found *findings) token.Tokens {
	var s scanner.Scanner
	s.Init(text)
	var tokens token.Tokens
	for {
		next, err := s.Scan()
		tokens.Add(next...)
		if errors.Is(err, io.EOF) {
			return joinLines(tokens)
		}
		if err != nil {
			line := 0
			if n := len(tokens); n > 0 {
				line = tokens[n-1].Position.Line
			}
			found.unreadable(line, "this is not YAML: "+err.Error(), hintYAML)
			return nil
		}
	}
}

// joinLines makes one token of a plain text that goes over several lines inside
// of brackets. The library's scanner splits it where a line is not indented
// enough for block style, which does not count there; PyYAML, and so mmpack,
// breaks long values of flow style that way.
func joinLines(tokens token.Tokens) token.Tokens {
	var out token.Tokens
	depth := 0
	for i := 0; i < len(tokens); i++ {
		tk := tokens[i]
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth > 0 && isPlain(tk) {
			parts := []string{tk.Value}
			for ; i+1 < len(tokens) && isPlain(tokens[i+1]); i++ {
				parts = append(parts, tokens[i+1].Value)
			}
			if len(parts) > 1 {
				tk.Type, tk.Value = token.StringType, strings.Join(parts, " ")
			}
		}
		if tk.Type != token.CommentType {
			out = append(out, tk)
		}
	}
	return out
}

// isPlain reports whether the token is text without quotes.
func isPlain(tk *token.Token) bool {
	switch tk.Type {
	case token.StringType, token.NullType, token.BoolType, token.InfinityType, token.NanType, token.FloatType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType:
		return true
	}
	return false
}
