package web

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/vfs"
)

// Files answers with the published files of one repository. The zero value but for FS is
// usable; it must not be copied once it is used.
type Files struct {
	// FS is the repository's folder.
	FS vfs.FS
	// List shows what is in a folder; without it a folder is not found.
	List bool
	// Log is told what the disk says; nil: nobody is.
	Log *slog.Logger

	sums sums
}

// poolDir is the folder in which a file's path has its SHA-256 in it.
const poolDir = "pool"

const (
	// forever is for what never becomes another file, checked for what may.
	forever = "public, max-age=31536000, immutable"
	checked = "no-cache"
)

// ServeHTTP implements [http.Handler].
func (h *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(r) {
		refuse(w)
		return
	}
	name, folder, ok := published(r.URL.Path)
	if !ok {
		notFound(w)
		return
	}
	f, err := h.FS.Open(name)
	if err != nil {
		// A link that leads out, a pipe and a name that is too long are no business of
		// the reader's: there is nothing for him.
		notFound(w)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		h.failed(w, r, err)
	case info.Mode.IsDir():
		h.folder(w, r, name, folder, info)
	case folder || !worldReads(info):
		notFound(w)
	default:
		h.file(w, r, name, f, info)
	}
}

func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// refuse answers what is no reading.
func refuse(w http.ResponseWriter) {
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
}

// published is the name below the repository that a path of a URL asks for; folder: it
// ends with a slash. Names with a leading dot are nobody's business.
func published(urlPath string) (name string, folder, ok bool) {
	name, ok = strings.CutPrefix(urlPath, "/")
	if name == "" {
		return ".", true, ok
	}
	name, folder = strings.CutSuffix(name, "/")
	if !ok || !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") {
		return "", false, false
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, ".") {
			return "", false, false
		}
	}
	return name, folder, true
}

// worldReads reports whether everybody may read a file: what was published is, and what
// is ours is not, whatever link leads to it.
func worldReads(info vfs.Info) bool { return info.IsRegular() && info.Mode&0o444 == 0o444 }

// file answers with one file.
func (h *Files) file(w http.ResponseWriter, r *http.Request, name string, f vfs.File, info vfs.Info) {
	sum, err := h.sums.of(r.Context(), f, info)
	if r.Context().Err() != nil {
		return
	}
	if err != nil {
		h.failed(w, r, err)
		return
	}
	header := w.Header()
	if sum != "" {
		header.Set("ETag", `"`+sum+`"`)
	}
	header.Set("Cache-Control", checked)
	if inPool(name) {
		header.Set("Cache-Control", forever)
	}
	header.Set("Content-Type", contentType(name))
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", info.ModTime, io.NewSectionReader(f, 0, info.Size))
}

// inPool reports whether a file's path has its hash in it.
func inPool(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) == 3 && parts[0] == poolDir && len(parts[1]) == 64 && strings.Trim(parts[1], "0123456789abcdef") == ""
}

// contentType is what a browser shall make of a file. Compressed files are what they are:
// no reader wants them unpacked on the way.
func contentType(name string) string {
	switch path.Base(name) {
	case "source-index", "metadata":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

func notFound(w http.ResponseWriter) { http.Error(w, "not found", http.StatusNotFound) }

// failed tells the log what the disk says, and the reader that it was not him.
func (h *Files) failed(w http.ResponseWriter, r *http.Request, err error) {
	if h.Log != nil && !errors.Is(err, r.Context().Err()) {
		h.Log.Error("failed", "during", "HTTP", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "the server failed; its log says why", http.StatusInternalServerError)
}
