package main

import (
	"io"
	"net/http"
	"os"
	"time"
)

// put is a plain server that stores what is PUT there in one file, as anybody would write
// it; it runs until it is killed.
func put(addr, file string) error {
	s := http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := store(file, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	return s.ListenAndServe()
}

func store(file string, body io.Reader) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, body); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
