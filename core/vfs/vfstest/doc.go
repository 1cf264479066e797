// Package vfstest is for tests that end a change at any of its calls: it films the
// disk, knows what power losses can do to it, and remembers which states were judged.
package vfstest
