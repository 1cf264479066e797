// Package dir is the transport for a repository on this machine: it runs the line
// itself.
//
// In: the path of a repository and an upload. Out: the report. A local path is the
// operator: whoever can write the folder has all rights.
//
// It imports core.
package dir
