package web

import (
	"net/http"
	"strings"
)

// Status answers the operator: /healthz with what healthy says, 200 or 503, and /metrics
// in the text format of Prometheus. An error of healthy is shown to whoever asks.
func Status(healthy func() error, m *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := healthy(); err != nil {
			http.Error(w, strings.TrimSpace(err.Error()), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.Handle("GET /metrics", m.handler())
	return mux
}
