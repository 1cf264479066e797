package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/tupkg"
)

// limitFlags are the limits of a server; what is not given has the default that
// server.Limits documents.
type limitFlags struct {
	connectionFlags `embed:"" group:"How many at once:"`
	declareFlags    `embed:"" group:"How much one upload may declare:"`
	keepFlags       `embed:"" group:"How much is kept, and for how long:"`
	timeFlags       `embed:"" group:"How long clients may take:"`
}

type connectionFlags struct {
	MaxConnections        atMost `placeholder:"N" help:"Connections. Default: 1024."`
	MaxAddressConnections atMost `placeholder:"N" help:"Connections from one address. Default: 256."`
	MaxUserSessions       atMost `placeholder:"N" help:"Sessions of one user. Default: 256."`
	MaxPublishes          atMost `placeholder:"N" help:"Uploads that are verified. Default: 2."`
}

type declareFlags struct {
	MaxFiles        atMost    `placeholder:"N" help:"Files, in version 2 of the protocol. Default: 20000."`
	MaxSessionFiles atMost    `placeholder:"N" help:"Files, in version 1. Default: 1024."`
	MaxFileBytes    byteCount `placeholder:"SIZE" help:"Size of one file. Default: 64GiB."`
	MaxUploadBytes  byteCount `placeholder:"SIZE" help:"Size of all together. Default: 256GiB."`
	MaxMessageBytes byteCount `placeholder:"SIZE" help:"Length of a message, in version 2. Default: 8MiB."`
	MaxLoginBytes   byteCount `placeholder:"SIZE" help:"Length of a message before the login has passed. Default: 4000."`
	MaxValueBytes   byteCount `placeholder:"SIZE" help:"Length of a value, in version 1. Default: 1024."`
}

type keepFlags struct {
	UserBytes    byteCount `placeholder:"SIZE" help:"Unpublished bytes of one user, declared ones included. Default: 64GiB."`
	UserFiles    atMost    `placeholder:"N" help:"Unpublished files of one user. Default: 20000."`
	FreeBytes    byteCount `placeholder:"SIZE" help:"What stays free on the disk. Default: 1GiB."`
	KeepPartial  span      `placeholder:"DURATION" help:"Partial files. Default: 168h."`
	KeepArea     span      `placeholder:"DURATION" help:"Whole files that no publish has taken. Default: 168h."`
	KeepRejected span      `placeholder:"DURATION" help:"Rejected uploads. Default: 168h."`
}

type timeFlags struct {
	LoginTime    span      `placeholder:"DURATION" help:"For the login, and before it for TLS. Default: 30s."`
	IdleTime     span      `placeholder:"DURATION" help:"Without a word. Default: 5m."`
	MinRate      byteCount `placeholder:"SIZE" help:"Least average rate of file data per second. Default: 256."`
	RateGrace    span      `placeholder:"DURATION" help:"Head start before the rate counts. Default: 30s."`
	AckTime      span      `placeholder:"DURATION" help:"For the last word in version 1. Default: 10s."`
	TakeOverTime span      `placeholder:"DURATION" help:"Wait for an older session of the user to let go of the same files. Default: 30s."`
	LockWait     span      `placeholder:"DURATION" help:"Wait for the repository's lock. Default: 1m."`
	DrainTime    span      `placeholder:"DURATION" help:"For uploads to go on when the server stops. Default: 10s."`
}

// limits are what was given; the rest is zero.
func (f *limitFlags) limits() server.Limits {
	return server.Limits{
		Wire: tupkg.Limits{
			LoginBytes: int(f.MaxLoginBytes), MessageBytes: int(f.MaxMessageBytes), ValueBytes: int(f.MaxValueBytes),
			SessionFiles: int(f.MaxSessionFiles), UploadFiles: int(f.MaxFiles), FileBytes: int64(f.MaxFileBytes), UploadBytes: int64(f.MaxUploadBytes),
		},
		Connections: int(f.MaxConnections), AddressConnections: int(f.MaxAddressConnections), UserSessions: int(f.MaxUserSessions), Publishes: int(f.MaxPublishes),
		UserBytes: int64(f.UserBytes), UserFiles: int(f.UserFiles), FreeBytes: int64(f.FreeBytes),
		PartialAge: time.Duration(f.KeepPartial), AreaAge: time.Duration(f.KeepArea), RefusedAge: time.Duration(f.KeepRejected),
		Login: time.Duration(f.LoginTime), Idle: time.Duration(f.IdleTime), Rate: int64(f.MinRate), RateGrace: time.Duration(f.RateGrace), Ack: time.Duration(f.AckTime),
		TakeOver: time.Duration(f.TakeOverTime), LockWait: time.Duration(f.LockWait), Drain: time.Duration(f.DrainTime),
	}
}

// sizeUnits are the units of a byteCount.
func sizeUnits() map[string]int64 {
	return map[string]int64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
}

// byteCount is a number of bytes, such as 4000, 64KiB or 2GB.
type byteCount int64

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *byteCount) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "KMGTiB")
	size, known := sizeUnits()[string(text[len(number):])]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !known || n <= 0 || n > math.MaxInt64/size {
		return fmt.Errorf("%q is not a number of bytes such as 4000, 64KiB or 2GB", text)
	}
	*b = byteCount(n * size)
	return nil
}

// atMost is a number of things, 1 or more.
type atMost int

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *atMost) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is not a number from 1 to %d", text, math.MaxInt32)
	}
	*m = atMost(n)
	return nil
}

// span is a time, more than nothing.
type span time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a time such as 30s, 5m or 168h", text)
	}
	*s = span(d)
	return nil
}
