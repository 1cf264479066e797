package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const thePassword = "Tr0ub4dor+3"

// holder keeps its secrets where fmt cannot ask them for their String.
type holder struct {
	at     Attempt
	secret Secret
	hash   Hash
	file   *File
	desk   *Authenticator
	byVal  File
	user   User
	rights []Right
}

// values are one of every type that holds, or once held, a secret; and what must
// never be seen of them.
func values(t *testing.T) (all []any, secrets []string) {
	t.Helper()
	hash, err := NewHash(NewSecret(thePassword))
	if err != nil {
		t.Fatal(err)
	}
	f, token, secret, err := parse(t, "alice:"+hash.stored()+" rights=*\n").AddToken("alice", "ci", time.Unix(1_900_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	a := NewAuthenticator(f, Stamp{}, Options{})
	at := Attempt{Name: "alice", Passwords: []Secret{NewSecret(thePassword), NewSecret(strings.ReplaceAll(thePassword, "+", " "))}, Protocol: 2}
	id, err := a.Login(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := f.User("alice")
	all = []any{
		secret, &secret, at, &at, hash, &hash, f, *f, a, *a, id, u, token, f.Users(), id.Rights(),
		holder{at, secret, hash, f, a, *f, u, id.Rights()}, &holder{at, secret, hash, f, a, *f, u, id.Rights()},
		map[string]any{"at": at, "secret": secret}, []any{hash, f, a}, Secret{}, Hash{},
	}
	all = append(all, failures(t, a, secret)...)
	stored := f.data().user("alice").tokens[0].text()
	return all, []string{
		thePassword, strings.ReplaceAll(thePassword, "+", " "), secret.Reveal(), secret.Reveal()[len(tokenPrefix)+9:],
		hash.stored(), hash.stored()[len("$argon2id$v=19$m=19456,t=2,p=1$"):], strings.Split(stored, ",")[1],
		string(f.data().user("alice").hash.data().sum), fmt.Sprint(f.data().user("alice").hash.data().sum), fmt.Sprint(f.data().user("alice").tokens[0].sum[:]),
	}
}

// failures are the errors of logins and edits that have a secret in their hands.
func failures(t *testing.T, a *Authenticator, secret Secret) []any {
	t.Helper()
	var all []any
	keep := func(err error) {
		if err == nil {
			t.Fatal("no error")
		}
		all = append(all, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a.data().places <- struct{}{}
	a.data().places <- struct{}{}
	_, err := a.Login(ctx, attempt("alice", thePassword+"?"))
	keep(err)
	<-a.data().places
	<-a.data().places
	_, err = a.Login(t.Context(), attempt("bob", secret.Reveal()))
	keep(err)
	_, err = a.Login(t.Context(), attempt(secret.Reveal(), thePassword))
	keep(err)
	_, err = ParseHash(thePassword)
	keep(err)
	_, err = NewHash(secret)
	keep(err)
	_, err = Parse("users", []byte("alice:"+thePassword+" "+thePassword+"\n"+secret.Reveal()))
	keep(err)
	return all
}

// TestNoSecretIsPrinted greps for the secrets, as text, in hexadecimal and quoted,
// in everything that fmt, slog and JSON make of every value.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	all, secrets := values(t)
	for i, v := range all {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			log := slog.New(h)
			log.Info("x", "v", v, slog.Group("g", "v", v), "a", []any{v})
			if err, ok := v.(error); ok {
				log.Info(err.Error(), "err", err)
			}
		}
		text, err := json.Marshal(v)
		out.Write(text)
		if err != nil {
			out.WriteString(err.Error())
		}
		for _, secret := range secrets {
			for _, form := range []string{secret, fmt.Sprintf("%q", secret)[1:], hex.EncodeToString([]byte(secret)), fmt.Sprintf("% x", secret)} {
				if bytes.Contains(bytes.ToLower(out.Bytes()), []byte(strings.ToLower(form))) {
					t.Errorf("value %d (%T) shows %q:\n%s", i, v, form, out.Bytes())
				}
			}
		}
	}
}

// TestTheGrepFinds what a careless type would print.
func TestTheGrepFinds(t *testing.T) {
	t.Parallel()
	careless := struct{ text string }{thePassword}
	if !strings.Contains(fmt.Sprintf("%+v", struct{ v any }{careless}), thePassword) {
		t.Error("fmt does not print what is in a struct")
	}
	if NewSecret(thePassword).Reveal() != thePassword || (Secret{}).Reveal() != "" {
		t.Error("a secret is not its text")
	}
}
