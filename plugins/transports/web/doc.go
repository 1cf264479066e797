// Package web plans a publish on a repository that a web server shows: it reads the
// public indexes over HTTP or HTTPS, and nothing is ever sent or written.
//
// In: the URL of the folder that clients read, and an upload. Out: the report of a dry
// run: what publishing the upload there would come to. What the repository's settings and
// verifiers say is not public, and so not in it.
//
// It promises: nobody has to log in, and no user and no password is sent; what comes from
// the server is bounded in size and time; only a dry run is done, and asking for more is
// an error.
//
// It imports core.
package web
