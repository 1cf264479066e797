package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mmpush/mmpush/core/report"
)

// Current are figures that are asked for when somebody looks; nil ones are not told.
type Current struct {
	// Queue is how many uploads wait for their commit, Connections how many clients are
	// connected.
	Queue, Connections func() int
	// Partials are the files of users that have not arrived whole, and their bytes.
	Partials func() (files int, bytes int64, err error)
	// Retired are the bytes of files that no index names any more and that stay for the
	// grace time.
	Retired func() (bytes int64, err error)
}

// Metrics counts what a server does. It may be used by many goroutines.
type Metrics struct {
	registry *prometheus.Registry
	uploads  *prometheus.CounterVec
	bytes    prometheus.Counter
	groups   prometheus.Histogram
	commits  prometheus.Histogram
	logins   prometheus.Counter
}

// NewMetrics are those of one server.
func NewMetrics(now Current) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		uploads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mmpush_uploads_total", Help: "Uploads that were judged, by their result.",
		}, []string{"result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mmpush_received_bytes_total", Help: "Bytes of files that clients have sent.",
		}),
		groups: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mmpush_commit_uploads", Help: "Uploads that were published with one write of the indexes.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mmpush_commit_seconds", Help: "Time of a commit, the waiting for the repository's lock included.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}),
		logins: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mmpush_login_failures_total", Help: "Logins that were refused.",
		}),
	}
	m.registry.MustRegister(m.uploads, m.bytes, m.groups, m.commits, m.logins, current{now},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Judged counts an upload that got its verdict.
func (m *Metrics) Judged(result report.Result) { m.uploads.WithLabelValues(string(result)).Inc() }

// Received counts bytes of files.
func (m *Metrics) Received(bytes int64) { m.bytes.Add(float64(bytes)) }

// Committed counts a commit of so many uploads.
func (m *Metrics) Committed(uploads int, took time.Duration) {
	m.groups.Observe(float64(uploads))
	m.commits.Observe(took.Seconds())
}

// LoginFailed counts a login that was refused.
func (m *Metrics) LoginFailed() { m.logins.Inc() }

func (m *Metrics) handler() http.Handler {
	// What one collector cannot say does not hide the others.
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// current is a collector of what is asked for when somebody looks. What cannot be read is
// left out, which an alert can see.
type current struct{ now Current }

// Describe implements [prometheus.Collector]. It says nothing, which is allowed: the
// figures are not asked for before somebody looks.
func (c current) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c current) Collect(to chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value)
	}
	if c.now.Queue != nil {
		gauge("mmpush_queued_uploads", "Uploads that wait for their commit.", float64(c.now.Queue()))
	}
	if c.now.Connections != nil {
		gauge("mmpush_connections", "Clients that are connected to upload.", float64(c.now.Connections()))
	}
	if c.now.Partials != nil {
		if files, bytes, err := c.now.Partials(); err == nil {
			gauge("mmpush_partial_files", "Files that have not arrived whole.", float64(files))
			gauge("mmpush_partial_bytes", "Bytes of files that have not arrived whole.", float64(bytes))
		}
	}
	if c.now.Retired != nil {
		if bytes, err := c.now.Retired(); err == nil {
			gauge("mmpush_retired_bytes", "Bytes of files that no index names any more, and that stay for the grace time.", float64(bytes))
		}
	}
}
