package access

import (
	"cmp"
	"crypto/rand"
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"
)

// maxHashes is how many password hashes are computed at once: 64 MiB each at most,
// 19 MiB as this package makes them.
const maxHashes = 2

// defaultRemember is how long a login that passed is remembered.
const defaultRemember = 10 * time.Minute

// Options are the numbers of an [Authenticator]; the zero Options are the defaults.
type Options struct {
	// Name limits failures under one name, or, from an address from which that name
	// has logged in during the last 24 hours, under the two together. Default: 10,
	// then one every 30 s.
	Name Rate
	// Address limits failures from one IPv4 address or IPv6 /64. Default: 20, then
	// one every 6 s.
	Address Rate
	// Remember is how long a login that passed costs no password hash; negative is
	// never. Default: 10 minutes.
	Remember time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	o.Name.Burst, o.Name.Every = cmp.Or(max(0, o.Name.Burst), 10), cmp.Or(max(0, o.Name.Every), 30*time.Second)
	o.Address.Burst, o.Address.Every = cmp.Or(max(0, o.Address.Burst), 20), cmp.Or(max(0, o.Address.Every), 6*time.Second)
	o.Remember = cmp.Or(o.Remember, defaultRemember)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Stamp says which state of a file on disk was read. Take it from the open
// descriptor before reading, so that a change in between is seen as one.
type Stamp struct {
	Dev, Inode uint64
	Size       int64
	ModTime    time.Time
	ChangeTime time.Time
}

// same reports whether the two are of one state of one file.
func (s Stamp) same(t Stamp) bool {
	return s.Dev == t.Dev && s.Inode == t.Inode && s.Size == t.Size && s.ModTime.Equal(t.ModTime) && s.ChangeTime.Equal(t.ChangeTime)
}

// Authenticator checks logins against the current users file. It may be used by
// many goroutines; it starts none. It prints without what it holds.
type Authenticator struct{ data sealed[authData] }

type authData struct {
	options Options
	limits  *limiter
	state   atomic.Pointer[state]
	// places has room for the hashes that may be computed at once.
	places chan struct{}
	// matches is Hash.matches; tests count its calls.
	matches func(Hash, string) bool
	seed    maphash.Seed
}

// state is one users file and what is known only as long as it is current.
type state struct {
	file   *File
	stamp  Stamp
	memory *memory
	seed   maphash.Seed
	// hashes are those of all users with a password.
	hashes []Hash
}

// NewAuthenticator starts with the users of f; see Replace for the stamp.
func NewAuthenticator(f *File, read Stamp, o Options) *Authenticator {
	o = o.withDefaults()
	a := &Authenticator{seal(&authData{
		options: o, limits: newLimiter(o), places: make(chan struct{}, maxHashes), matches: Hash.matches, seed: maphash.MakeSeed(),
	})}
	a.Replace(f, read)
	return a
}

// Replace makes f the current users file and forgets the remembered logins. What
// was counted of failed attempts stays. Logins under way are decided by f.
func (a *Authenticator) Replace(f *File, read Stamp) {
	m := &memory{now: a.data().options.Now, keep: a.data().options.Remember, until: map[[32]byte]time.Time{}}
	rand.Read(m.key[:]) // never fails
	s := &state{file: f, stamp: read, memory: m, seed: a.data().seed}
	for _, u := range f.data().users {
		if u.hash.data != nil {
			s.hashes = append(s.hashes, u.hash)
		}
	}
	a.data().state.Store(s)
}

// Changed reports whether a file with this stamp is another one than the current
// users file was read from. It costs a few comparisons.
func (a *Authenticator) Changed(now Stamp) bool { return !a.data().state.Load().stamp.same(now) }

// Identity is a user who came by a way that needs no login, such as a forced
// command of SSH, or whose rights are to be judged again during a long session. It
// refuses as Login does if there is no such user or the account is suspended.
func (a *Authenticator) Identity(name string) (Identity, error) {
	u := a.data().state.Load().file.data().user(name)
	if u == nil {
		return Identity{}, denied("unknown user")
	}
	return u.admitted(2)
}

// hashFor is the hash to compute for a name, and whether it is the name's own. For
// a name without one it is that of some user, always the same one: so unknown
// names cost what known ones do, whatever mixture of hashes the file has.
func (s *state) hashFor(name string) (hash Hash, own bool) {
	if u := s.file.data().user(name); u != nil && u.hash.data != nil {
		return u.hash, true
	}
	if len(s.hashes) == 0 {
		return nobodysHash(), false
	}
	return s.hashes[maphash.String(s.seed, name)%uint64(len(s.hashes))], false
}

// nobodysHash costs what the hashes cost that NewHash makes, and fits no password.
func nobodysHash() Hash {
	return Hash{seal(&hashData{
		kind: kindArgon, memory: argonMemory, time: argonTime, threads: argonThreads,
		salt: make([]byte, newSaltBytes), sum: make([]byte, newSumBytes),
	})}
}

// String says which users file is current.
func (a *Authenticator) String() string {
	return "authenticator of " + a.data().state.Load().file.String()
}

// GoString is String.
func (a *Authenticator) GoString() string { return a.String() }

// LogValue is String.
func (a *Authenticator) LogValue() slog.Value { return slog.StringValue(a.String()) }
