package access

import (
	"crypto/sha256"
	"slices"
)

// proof stands for the stored password or token that a login was made with, and tells
// nothing of it.
type proof [sha256.Size]byte

func (t storedToken) proof() proof { return sha256.Sum256(append([]byte("token "), t.sum[:]...)) }

func (h Hash) proof() proof { return sha256.Sum256([]byte("password " + h.stored())) }

// Renew is who an identity is by the users file of now, for a session that goes on: it
// refuses as Login would if the account is suspended or gone, or if what it has logged
// in with was revoked, replaced or has expired.
func (a *Authenticator) Renew(id Identity) (Identity, error) {
	now, err := a.Identity(id.Name)
	if err != nil || id.proof == (proof{}) {
		return now, err
	}
	u := a.data().state.Load().file.data().user(id.Name)
	clock := a.data().options.Now()
	valid := u != nil && (u.hash.proof() == id.proof || slices.ContainsFunc(u.tokens, func(t storedToken) bool {
		return t.proof() == id.proof && !t.expired(clock)
	}))
	if !valid {
		return Identity{}, denied("its password or token is not valid any more")
	}
	now.proof = id.proof
	return now, nil
}
