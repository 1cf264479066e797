package server

import (
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
)

// Limits bound what users can make the server keep, do or wait for. A zero field takes
// the default that it documents.
type Limits struct {
	// Wire bounds what one conversation may declare.
	Wire tupkg.Limits
	// Connections is how many there may be at once: 1,024. One more is told that the
	// server is busy, or, if many more come, closed without a word.
	Connections int
	// AddressConnections is how many one address may have: 256.
	AddressConnections int
	// UserSessions is how many sessions one user may have: 256.
	UserSessions int
	// UserBytes is how much of a user's may lie in the server's folder, declared
	// bytes included: 64 GiB.
	UserBytes int64
	// UserFiles is the same in files: 20,000.
	UserFiles int
	// FreeBytes must be left free on the disk after twice the declared bytes have
	// come, since a publish makes a copy: 1 GiB.
	FreeBytes int64
	// Publishes is how many uploads are verified at once, and, apart from them, how many
	// files are read at once that a declaration names and that lie here: 2.
	Publishes int
	// Login is the time from the first byte to the login's answer: 30 seconds.
	Login time.Duration
	// Idle is the longest silence of a client that has to say or to read something:
	// 5 minutes.
	Idle time.Duration
	// Rate is the least average rate of file data, in bytes per second: 256; RateGrace
	// is the head start that slow clients have: 30 seconds.
	Rate      int64
	RateGrace time.Duration
	// Ack is how long a client of version 1 may take to confirm the verdict: 10
	// seconds.
	Ack time.Duration
	// TakeOver is how long a session waits for an older one of its user to let go of
	// the same files: 30 seconds.
	TakeOver time.Duration
	// LockWait bounds the waiting for the repository's lock: 1 minute.
	LockWait time.Duration
	// Drain is how long uploads may go on sending when the server stops: 10 seconds.
	Drain time.Duration
	// PartialAge is how old a partial file may become: 7 days. AreaAge is the same
	// for whole files that no publish has taken, and RefusedAge for rejected uploads.
	PartialAge, AreaAge, RefusedAge time.Duration
}

// WithDefaults fills the zero fields in.
func (l Limits) WithDefaults() Limits {
	const week = 7 * 24 * time.Hour
	l.Wire = l.Wire.WithDefaults()
	setDefault(&l.Connections, 1024)
	setDefault(&l.AddressConnections, 256)
	setDefault(&l.UserSessions, 256)
	setDefault(&l.UserBytes, 64<<30)
	setDefault(&l.UserFiles, 20_000)
	setDefault(&l.FreeBytes, 1<<30)
	setDefault(&l.Publishes, 2)
	setDefault(&l.Login, 30*time.Second)
	setDefault(&l.Idle, 5*time.Minute)
	setDefault(&l.Rate, 256)
	setDefault(&l.RateGrace, 30*time.Second)
	setDefault(&l.Ack, 10*time.Second)
	setDefault(&l.TakeOver, 30*time.Second)
	setDefault(&l.LockWait, time.Minute)
	setDefault(&l.Drain, 10*time.Second)
	setDefault(&l.PartialAge, week)
	setDefault(&l.AreaAge, week)
	setDefault(&l.RefusedAge, week)
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
