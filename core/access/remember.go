package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

// maxRemembered limits the logins that are remembered at once.
const maxRemembered = 4096

// memory holds logins that passed, as keyed hashes, for a while. It belongs to one
// state of the users file and goes with it.
type memory struct {
	key [sha256.Size]byte
	now func() time.Time
	// keep is how long; not positive is never.
	keep time.Duration

	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

// sum depends on a key of this process, so neither the map nor the time of looking
// something up in it tells about passwords. A name has no zero byte.
func (m *memory) sum(name, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, m.key[:])
	h.Write([]byte(name + "\x00" + password))
	h.Sum(sum[:0])
	return sum
}

func (m *memory) has(name, password string) bool {
	sum := m.sum(name, password)
	m.mu.Lock()
	defer m.mu.Unlock()
	until, there := m.until[sum]
	return there && m.now().Before(until)
}

func (m *memory) add(name, password string) {
	if m.keep <= 0 {
		return
	}
	sum, now := m.sum(name, password), m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.until) >= maxRemembered {
		maps.DeleteFunc(m.until, func(_ [sha256.Size]byte, until time.Time) bool { return !now.Before(until) })
	}
	if len(m.until) >= maxRemembered {
		clear(m.until)
	}
	m.until[sum] = now.Add(m.keep)
}
