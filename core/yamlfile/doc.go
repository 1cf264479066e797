// Package yamlfile reads the YAML files that people write by hand: settings and
// configurations.
//
// In: the bytes of a file, and what keys it may have. Out: its values, each with its
// line, or everything that is wrong with it at once: the line, the key, what is
// expected, and for a key that there is not the one that may be meant.
//
// It promises: no anchor, alias, merge key, tag or second document gets through, so a
// file is what it looks like; a file of at most [MaxSize] bytes is read in moderate
// time and memory, whoever has written it.
//
// The manifest has a reader of its own, which is stricter about what other readers
// make of the same bytes.
//
// It may import core/report. It may change at any release.
package yamlfile
