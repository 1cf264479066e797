package access

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"
)

// limitSlots is the size of each of the limiter's tables. They never grow, so a
// flood of names and addresses takes no memory and pushes nothing out; two keys
// that fall on one place share its limit. Which do, nobody outside can know.
const limitSlots = 1 << 15

// knownSlots is the number of (name, address) pairs that are known to have logged
// in, and knownFor is for how long.
const (
	knownSlots = 1 << 12
	knownFor   = 24 * time.Hour
)

// Rate is a limit on failed attempts.
type Rate struct {
	// Burst is how many may fail one after the other.
	Burst int
	// Every is the time after which one more may.
	Every time.Duration
}

// LimitedError says that too many attempts have failed. The attempt was not looked
// at. It is the same for users that exist and users that do not.
type LimitedError struct {
	// After is how long to wait for the next attempt.
	After time.Duration
}

// Error is the text for the user.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many failed logins; the next one is looked at in %s", e.After)
}

// bucket counts failures that time has not yet forgiven. The zero bucket has none.
type bucket struct {
	used float64
	at   time.Duration
	// flight are attempts that may still fail.
	flight int
}

// limiter admits attempts. Attempts under way count as if they had failed, but
// whoever has only those in front of them waits instead of being refused: so a
// thousand right passwords at once all pass, and a thousand wrong ones get no more
// guesses than one after the other would.
type limiter struct {
	address, pair Rate
	now           func() time.Time
	start         time.Time
	seed          maphash.Seed

	mu        sync.Mutex
	addresses []bucket
	names     []bucket
	known     []knownPair
	// ended is closed when an attempt ends; nil if nobody waits for that.
	ended chan struct{}
}

// knownPair is a name and an address, hashed, from which it has logged in. Such a
// pair has a limit of its own: somebody else's failures under that name, or behind
// that address, do not lock it out.
type knownPair struct {
	sum   uint64
	until time.Duration
}

func newLimiter(o Options) *limiter {
	return &limiter{
		address: o.Address, pair: o.Name, now: o.Now, start: o.Now(), seed: maphash.MakeSeed(),
		addresses: make([]bucket, limitSlots), names: make([]bucket, limitSlots), known: make([]knownPair, knownSlots),
	}
}

// share is one limit that an attempt counts against.
type share struct {
	*bucket
	rate Rate
}

// enter waits until the attempt may be looked at; the caller has to leave with
// what came of it. A *LimitedError refuses; any other error is ctx's. A token
// cannot be guessed, so only the address counts for it.
func (l *limiter) enter(ctx context.Context, name string, from netip.Addr, token bool) (leave func(passed bool), err error) {
	for {
		shares, wait, err := l.admit(name, from, token)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			return func(passed bool) { l.leave(shares, name, from, passed) }, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait:
		}
	}
}

// admit takes the attempt's shares, or says what to wait for.
func (l *limiter) admit(name string, from netip.Addr, token bool) ([]share, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.start)
	shares := l.shares(now, name, from, token)
	full := false
	for _, s := range shares {
		s.forgive(now, s.rate)
		if over := s.used + 1 - float64(s.rate.Burst); over > 0 {
			after := time.Duration(math.Ceil(over * float64(s.rate.Every)))
			return nil, nil, &LimitedError{After: max(time.Second, (after + time.Second - 1).Truncate(time.Second))}
		}
		full = full || s.used+float64(s.flight)+1 > float64(s.rate.Burst)
	}
	if full {
		if l.ended == nil {
			l.ended = make(chan struct{})
		}
		return nil, l.ended, nil
	}
	for _, s := range shares {
		s.flight++
	}
	return shares, nil, nil
}

func (l *limiter) leave(shares []share, name string, from netip.Addr, passed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.start)
	for _, s := range shares {
		s.flight--
		if !passed {
			s.forgive(now, s.rate)
			s.used++
		}
	}
	if passed {
		sum := l.sum(name, from)
		l.known[sum%knownSlots] = knownPair{sum: sum, until: now + knownFor}
	}
	if l.ended != nil {
		close(l.ended)
		l.ended = nil
	}
}

func (l *limiter) shares(now time.Duration, name string, from netip.Addr, token bool) []share {
	sum := l.sum(name, from)
	if k := l.known[sum%knownSlots]; k.sum == sum && now < k.until {
		return []share{{&l.names[sum%limitSlots], l.pair}}
	}
	shares := []share{{&l.addresses[l.sum("", from)%limitSlots], l.address}}
	if !token {
		shares = append(shares, share{&l.names[l.sum(name, netip.Addr{})%limitSlots], l.pair})
	}
	return shares
}

// forgive lets time take failures back. A clock that went back takes none.
func (b *bucket) forgive(now time.Duration, rate Rate) {
	if passed := now - b.at; passed > 0 {
		b.used = max(0, b.used-float64(passed)/float64(rate.Every))
	}
	b.at = now
}

// sum hashes a name and an address with a key of this process.
func (l *limiter) sum(name string, from netip.Addr) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.WriteString(name)
	h.WriteByte(0)
	text, _ := network(from).MarshalBinary() // never fails
	h.Write(text)
	return h.Sum64()
}

// network is the part of an address that one customer has: all of IPv4, the first
// 64 bits of IPv6.
func network(from netip.Addr) netip.Addr {
	from = from.Unmap()
	if !from.Is6() {
		return from
	}
	prefix, _ := from.Prefix(64) // drops the zone; never fails for 64 bits of IPv6
	return prefix.Addr()
}
