//go:build !unix

package plugins

// holdForks: descriptors are not inherited here.
func holdForks() (release func()) { return func() {} }
