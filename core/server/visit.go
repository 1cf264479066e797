package server

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// visit is one connection: the tupkg.Host and, once the user has logged in, the
// tupkg.Session of it.
type visit struct {
	s *Server
	// id is in every log line about the connection and in what the user is told.
	id  string
	log *slog.Logger
	// from is where it comes from; zero without a network. private: nobody listens
	// in, by TLS or because it does not leave the machine.
	from    netip.Addr
	private bool
	acc     *account
	// who is the user as of the login; zero without one.
	who     access.Identity
	version int
	// turnedAway is what the client is told instead of a login.
	turnedAway *tupkg.Refusal
	// idle and hangUp are the drain's: whether nothing is under way, under s.mu, and
	// how to end the connection.
	idle    bool
	current *intake
	hangUp  context.CancelCauseFunc
}

var (
	_ tupkg.Host    = (*visit)(nil)
	_ tupkg.Session = (*visit)(nil)
	_ tupkg.Located = (*visit)(nil)
)

// Authenticate implements [tupkg.Host].
func (v *visit) Authenticate(ctx context.Context, login tupkg.Login) (tupkg.Session, error) {
	if v.turnedAway != nil {
		return nil, v.turnedAway
	}
	if !v.private && !v.s.AllowPlaintextPasswords {
		v.log.Warn("login refused", "reason", "the connection is not encrypted")
		return nil, &tupkg.Refusal{
			Code: tupkg.CodeDenied, Reason: "this server takes no password over a connection that is not encrypted",
			Hint: "use tupkgs:// (TLS); and change the password that was just sent in clear",
		}
	}
	if v.s.Users == nil {
		return nil, &tupkg.Refusal{Code: tupkg.CodeDenied, Reason: "this server has no accounts"}
	}
	v.s.Refresh()
	at := access.Attempt{Name: login.User, Address: v.from, Protocol: login.Version}
	for _, p := range login.Passwords {
		at.Passwords = append(at.Passwords, access.NewSecret(string(p)))
	}
	id, err := v.s.Users.Login(ctx, at)
	if err != nil {
		return nil, v.noLogin(ctx, login.User, err)
	}
	if v.acc = v.s.enter(id.Name); v.acc == nil {
		v.log.Warn("login refused", "user", id.Name, "reason", "too many sessions")
		return nil, v.s.tooManySessions()
	}
	v.who, v.version = id, login.Version
	v.log = v.log.With("user", id.Name)
	v.log.Info("logged in", "version", login.Version)
	return v, nil
}

// Architectures implements [tupkg.Located].
func (v *visit) Architectures() []string { return v.s.archs }

// noLogin logs and words a refused login. People type passwords where names belong:
// only the names of users are logged.
func (v *visit) noLogin(ctx context.Context, name string, err error) error {
	if _, known := v.s.Users.Identity(name); known != nil {
		name = "(unknown)"
	}
	reason, code := err.Error(), tupkg.CodeDenied
	if d, ok := errors.AsType[*access.DeniedError](err); ok {
		reason = d.Reason()
	} else if report.KindOf(err) == report.KindBusy {
		code = tupkg.CodeBusy
	} else {
		return err
	}
	v.s.Meter.LoginFailed()
	v.log.Warn("login refused", "user", name, "reason", reason)
	if code == tupkg.CodeBusy {
		// Who is over the limit costs no hash; so that trying costs the others nothing
		// either, the answer takes its time.
		select {
		case <-time.After(v.s.pause):
		case <-ctx.Done():
		}
	}
	return &tupkg.Refusal{Code: code, Reason: err.Error()}
}

// Declare implements [tupkg.Session].
func (v *visit) Declare(ctx context.Context, d tupkg.Declaration) (tupkg.Intake, error) {
	in, err := v.declare(ctx, d)
	if err != nil {
		return nil, v.failure("declaration", err)
	}
	return in, nil
}

func (v *visit) declare(ctx context.Context, d tupkg.Declaration) (*intake, error) {
	if v.s.draining() {
		return nil, stopping()
	}
	who, err := v.identity()
	if err != nil {
		return nil, err
	}
	in := newIntake(v, who, d)
	if err := in.mayDeclare(); err != nil {
		return nil, err
	}
	if err := v.begin(in); err != nil {
		return nil, err
	}
	if !d.DryRun {
		err = v.s.claim(ctx, in)
	}
	if err == nil {
		err = in.look(ctx)
	}
	if err == nil && !d.DryRun {
		err = v.s.admit(ctx, in)
	}
	if err != nil {
		v.end()
		v.s.release(in)
		return nil, err
	}
	return in, nil
}

// identity is what the user may do now, if the login still holds.
func (v *visit) identity() (access.Identity, error) {
	v.s.Refresh()
	if v.s.Users == nil || v.who.Name == "" {
		return v.s.identity(v.acc.name)
	}
	who, err := v.s.Users.Renew(v.who)
	if err != nil {
		return who, lapsed()
	}
	return who, nil
}

func stopping() *tupkg.Refusal {
	return &tupkg.Refusal{Code: tupkg.CodeShutdown, Reason: "the server stops; what came is kept: try later"}
}

// failure logs what a conversation runs into. A user is told the request's id, and of
// the machine's troubles nothing more.
func (v *visit) failure(during string, err error) error {
	if r, ok := errors.AsType[*tupkg.Refusal](err); ok {
		v.log.Warn("refused", "during", during, "code", string(r.Code), "reason", r.Reason)
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*report.Error](err); ok && e.Kind == report.KindBusy {
		v.log.Warn("busy", "during", during, "error", err)
		return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: "the repository is busy; what came is kept: try later (request " + v.id + ")"}
	}
	v.log.Error("failed", "during", during, "error", err)
	return &tupkg.Refusal{Code: tupkg.CodeInternal, Reason: "the server failed; its log says why (request " + v.id + ")"}
}

// begin and end say whether an upload is under way, from its declaration on: the drain
// ends those that are, and none begins after it.
func (v *visit) begin(in *intake) error {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if v.s.drained {
		return stopping()
	}
	v.current = in
	return nil
}

func (v *visit) end() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.current = nil
}
