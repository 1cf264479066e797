package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// MaxReadings is how many readings of one password an attempt may have: on the
// wire, '+' and '%' mean different things to different clients.
const MaxReadings = 3

// Attempt is one try to log in.
type Attempt struct {
	Name string
	// Passwords are the readings of the one password or token that was sent; all
	// together they are one attempt. Equal ones count once.
	Passwords []Secret
	// Address is where it comes from; zero if it comes by no network.
	Address netip.Addr
	// Protocol is the version of the tupkg protocol that is spoken: 1 or 2.
	Protocol int
}

// ErrDenied is what every refused login is: errors.Is(err, ErrDenied). Its text is
// the only one that goes out.
var ErrDenied = errors.New("the name or the password is wrong, or the account may not log in")

// DeniedError is a refused login. Its text is ErrDenied's whatever the reason.
type DeniedError struct{ reason string }

// Error is the text for the user.
func (e *DeniedError) Error() string { return ErrDenied.Error() }

// Is makes every DeniedError an ErrDenied.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Reason is for the server's own log and never for the user: "unknown user, or
// wrong password", "unknown user", "unknown token", "expired token", "suspended",
// "needs protocol 2".
func (e *DeniedError) Reason() string { return e.reason }

func denied(reason string) error {
	return &report.Error{Stage: "login", Code: report.CodeLogin, Kind: report.KindDenied, Err: &DeniedError{reason}}
}

// Login checks one attempt and returns who it is, with the rights of the file as
// it is at the end of the check. It refuses with a report.Error: of kind
// KindDenied around a [DeniedError], or of kind KindBusy around a [LimitedError].
// Any other error is ctx's. It waits for at most two other hashes at a time, and
// for attempts of the same name or address that are under way.
func (a *Authenticator) Login(ctx context.Context, at Attempt) (Identity, error) {
	readings, token := at.readings()
	leave, err := a.data().limits.enter(ctx, at.Name, at.Address, token)
	if limited, ok := errors.AsType[*LimitedError](err); ok {
		return Identity{}, &report.Error{
			Stage: "login", Code: report.CodeLogin, Kind: report.KindBusy, Err: limited,
			Hint: fmt.Sprintf("wait %s; a token is not limited by what others try under the same name", limited.After),
		}
	}
	if err != nil {
		return Identity{}, fmt.Errorf("login: %w", err)
	}
	passed := false
	defer func() { leave(passed) }()
	check := a.checkPassword
	if token {
		check = a.checkToken
	}
	id, err := check(ctx, at, readings)
	passed = err == nil
	return id, err
}

// readings are the different passwords of the attempt, and whether they are all
// tokens. More than there can be are none.
func (at Attempt) readings() (readings []string, token bool) {
	token = true
	for _, p := range at.Passwords {
		if text := p.Reveal(); !slices.Contains(readings, text) && len(readings) <= MaxReadings {
			readings = append(readings, text)
			token = token && strings.HasPrefix(text, tokenPrefix)
		}
	}
	if len(readings) == 0 || len(readings) > MaxReadings {
		return []string{""}, false
	}
	return readings, token
}

func (a *Authenticator) checkToken(_ context.Context, at Attempt, readings []string) (Identity, error) {
	u := a.data().state.Load().file.data().user(at.Name)
	if u == nil {
		findToken(nil, readings[0])
		return Identity{}, denied("unknown user")
	}
	for _, text := range readings {
		switch token, ok := findToken(u.tokens, text); {
		case ok && token.expired(a.data().options.Now()):
			return Identity{}, denied("expired token")
		case ok:
			id, err := u.admitted(at.Protocol)
			id.proof = token.proof()
			return id, err
		}
	}
	return Identity{}, denied("unknown token")
}

// checkPassword takes a short cut only for a login that passes: whatever is refused
// has cost a hash for every reading.
func (a *Authenticator) checkPassword(ctx context.Context, at Attempt, readings []string) (Identity, error) {
	if id, ok := a.remembered(at, readings); ok {
		return id, nil
	}
	hash, own := a.data().state.Load().hashFor(at.Name)
	refusal := denied("unknown user, or wrong password")
	leave, err := a.place(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("login: %w", err)
	}
	defer leave()
	// The same login may have passed while this one waited: many sessions of a user begin
	// at once.
	if id, ok := a.remembered(at, readings); ok {
		return id, nil
	}
	for _, text := range readings {
		if !a.data().matches(hash, text) || !own {
			continue
		}
		id, err := a.admitNow(at, hash, text)
		if err == nil {
			return id, nil
		}
		refusal = err
	}
	return Identity{}, refusal
}

func (a *Authenticator) remembered(at Attempt, readings []string) (Identity, bool) {
	s := a.data().state.Load()
	u := s.file.data().user(at.Name)
	if u == nil || !slices.ContainsFunc(readings, func(text string) bool { return s.memory.has(u.name, text) }) {
		return Identity{}, false
	}
	id, err := u.admitted(at.Protocol)
	id.proof = u.hash.proof()
	return id, err == nil
}

// admitNow decides by the users file of this moment: it may have changed while the
// hash was computed.
func (a *Authenticator) admitNow(at Attempt, hash Hash, password string) (Identity, error) {
	s := a.data().state.Load()
	u := s.file.data().user(at.Name)
	if u == nil || u.hash.stored() != hash.stored() {
		return Identity{}, denied("unknown user, or wrong password")
	}
	id, err := u.admitted(at.Protocol)
	id.proof = u.hash.proof()
	if err == nil {
		s.memory.add(u.name, password)
	}
	return id, err
}

// place takes one of the two places at which hashes may be computed, one after the other.
func (a *Authenticator) place(ctx context.Context) (leave func(), err error) {
	select {
	case a.data().places <- struct{}{}:
		return func() { <-a.data().places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// admitted is the user's identity, unless the account may not log in so.
func (u *user) admitted(protocol int) (Identity, error) {
	switch {
	case u.suspended:
		return Identity{}, denied("suspended")
	case protocol < u.protocol:
		return Identity{}, denied("needs protocol 2")
	}
	return Identity{Name: u.name, rights: u.rights}, nil
}

// String hides the password; the name is not checked, so it is quoted.
func (at Attempt) String() string {
	return fmt.Sprintf("login as %q from %s by protocol %d", shorten(at.Name), at.Address, at.Protocol)
}

// LogValue is String.
func (at Attempt) LogValue() slog.Value { return slog.StringValue(at.String()) }
