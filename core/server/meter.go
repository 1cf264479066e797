package server

import (
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// Meter is told what a server does, for figures. It is called by many goroutines, on the
// way of uploads: it must not wait.
type Meter interface {
	// Judged: an upload got its verdict; [resultFailed] if the server failed it.
	Judged(result report.Result)
	// Received: so many bytes of a file came.
	Received(bytes int64)
	// Committed: so many uploads were published at once, and how long that took.
	Committed(uploads int, took time.Duration)
	// LoginFailed: a login was refused.
	LoginFailed()
}

// resultFailed is told to the [Meter] of an upload that the server could not judge.
const resultFailed report.Result = "failed"

// unmetered is the Meter of who wants no figures.
type unmetered struct{}

func (unmetered) Judged(report.Result)         {}
func (unmetered) Received(int64)               {}
func (unmetered) Committed(int, time.Duration) {}
func (unmetered) LoginFailed()                 {}

// Connections is how many clients are connected.
func (s *Server) Connections() (n int) {
	s.eachVisit(func(*visit) { n++ })
	return n
}

// Queue is how many uploads wait for their turn to be verified or published.
func (s *Server) Queue() int { return int(s.queued.Load()) }

// Partials counts the files that have not arrived whole, and their bytes, of all users.
func (s *Server) Partials() (files int, bytes int64, err error) {
	err = s.walk(s.path("partial"), 1, func(size int64) { files, bytes = files+1, bytes+size })
	return files, bytes, err
}

// Healthy says why the server could publish nothing right now, nil if it could.
func (s *Server) Healthy() error {
	if s.draining() {
		return stopping()
	}
	_, err := s.open()
	return err
}
