package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/vfs"
)

// Set answers for several repositories, each below its name: /NAME/FILE.
type Set map[string]*Files

// ServeHTTP implements [http.Handler].
func (s Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, rest, inside := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	files := s[name]
	switch {
	case files != nil && inside:
		below := r.WithContext(r.Context())
		below.URL = &url.URL{Path: "/" + rest}
		files.ServeHTTP(w, below)
	case files != nil && files.List:
		http.Redirect(w, r, "/"+name+"/", http.StatusMovedPermanently)
	case r.URL.Path == "/" && !reads(r):
		refuse(w)
	case r.URL.Path == "/":
		s.names(w, r)
	default:
		notFound(w)
	}
}

// names lists the repositories that show what is in them.
func (s Set) names(w http.ResponseWriter, r *http.Request) {
	var folders []vfs.Info
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !s[name].List {
			continue
		}
		info, err := s[name].FS.Lstat(".")
		if err != nil {
			s[name].failed(w, r, err)
			return
		}
		info.Name = name
		folders = append(folders, info)
	}
	if len(folders) == 0 {
		notFound(w)
		return
	}
	showPage(w, r, folders)
}
