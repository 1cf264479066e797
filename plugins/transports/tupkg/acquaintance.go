package tupkg

import (
	"errors"
	"net"
	"syscall"
)

// maxResets is how often another connection is made for a first login. What answers may be
// no tupkg server at all: patience is for those that have taken a login.
const maxResets = 3

// acquaintance is what the connections so far say about the other side.
type acquaintance struct {
	// met: a server has taken the login.
	met bool
	// resets counts the connections that were reset before that.
	resets int
}

// again reports whether another connection may do what this one did not.
func (a *acquaintance) again(err error) bool {
	if !resumable(err) {
		return false
	}
	if a.met {
		return true
	}
	a.resets++
	return a.resets <= maxResets && wasReset(err)
}

// wasReset reports whether a connection was there, and the network took it away: the other
// side has not hung up, as one does that understands nothing of what it is told.
func wasReset(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && !failed.Timeout() && (failed.Op == "read" || failed.Op == "write") ||
		errors.Is(err, syscall.ECONNRESET) // of a connection that has just been made
}
