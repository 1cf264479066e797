package web

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// folder answers with what is in a folder, for those who may see it.
func (h *Files) folder(w http.ResponseWriter, r *http.Request, name string, slash bool, info vfs.Info) {
	if !h.List || info.Mode&0o005 != 0o005 {
		notFound(w)
		return
	}
	if !slash {
		// A link in the page is relative to the folder, not to its parent. So is this one,
		// wherever the repository stands below the site.
		w.Header().Set("Location", linkTo(path.Base(name)+"/"))
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	files, err := h.FS.ReadDir(name)
	if err != nil {
		h.failed(w, r, err)
		return
	}
	showPage(w, r, files)
}

// linkTo leads to a neighbour.
func linkTo(name string) string { return "./" + (&url.URL{Path: name}).EscapedPath() }

func showPage(w http.ResponseWriter, r *http.Request, files []vfs.Info) {
	w.Header().Set("Cache-Control", checked)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	if r.Method == http.MethodGet {
		// Who does not read the page to its end has hung up.
		_, _ = w.Write([]byte(page(r.URL.Path, files)))
	}
}

// page lists a folder. Nothing in it is trusted: names come from users.
func page(at string, files []vfs.Info) string {
	var text strings.Builder
	title := html.EscapeString(at)
	fmt.Fprintf(&text, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>%s</title>\n<h1>%s</h1>\n<table>\n", title, title)
	for _, f := range files {
		if strings.HasPrefix(f.Name, ".") {
			continue
		}
		shown := f.Name
		if f.Mode.IsDir() {
			shown += "/"
		}
		fmt.Fprintf(&text, "<tr><td><a href=\"%s\">%s</a><td>%s<td align=\"right\">%d\n",
			html.EscapeString(linkTo(shown)), html.EscapeString(shown), f.ModTime.UTC().Format(time.DateTime), f.Size)
	}
	text.WriteString("</table>\n")
	return text.String()
}
