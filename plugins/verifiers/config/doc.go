// Package config reads what a repository's settings say to one verifier.
//
// In: the verifier's part of the settings as JSON, and where its answer goes. Out: the
// answer filled in. A key that is unknown is an error that suggests the one that may
// be meant: a rule that is misspelt must not silently be no rule.
//
// It imports report, for the suggestion. It may change at any release.
package config
