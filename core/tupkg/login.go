package tupkg

import (
	"slices"
	"strings"
)

// parsedLogin is a login message of version 1.
type parsedLogin struct {
	Login
	// hint is the dialect that the user name's escapes speak for; the declaration
	// decides.
	hint Dialect
	// version2: the client asks to go on in version 2.
	version2 bool
	// asksReason: the client sent a key that neither dialect has, so it can be sent
	// one.
	asksReason bool
}

// parseLogin reads a login. Its errors show nothing that was sent.
func parseLogin(body []byte, l Limits) (parsedLogin, error) {
	const maxKeys = 8
	m, err := parseMessage(body, maxKeys, l.ValueBytes)
	if err != nil {
		// Even a key may be a piece of a password that was not escaped.
		return parsedLogin{}, fault("the login message", "it is not username=…&password=… with each key once and short values")
	}
	rawUser, hasUser := m.raw["username"]
	rawPassword, hasPassword := m.raw["password"]
	if !hasUser || !hasPassword {
		return parsedLogin{}, fault("the login message", "username or password is missing")
	}
	p := parsedLogin{version2: m.raw["tupkg"] == "2", asksReason: len(m.raw) > 2}
	if strings.Contains(rawUser, "%40") && !strings.Contains(rawUser, "@") {
		p.hint = HistoricalCode
	}
	p.User = p.hint.unescape(rawUser)
	if err := checkUser(p.User); err != nil {
		return p, fault("the login message", "%v", err)
	}
	p.Passwords = readings(rawPassword, p.hint)
	p.Version = 1
	return p, nil
}

// readings are what a password can mean: unescaped by the likelier dialect, by the
// other, and as it stands, for clients that escape nothing. Each is there once.
func readings(raw string, likely Dialect) []Password {
	var all []Password
	for _, reading := range []string{unescape(raw, likely == HistoricalCode), unescape(raw, likely != HistoricalCode), raw} {
		if p := Password(reading); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// loginMessage writes a login that both dialects read.
func loginMessage(user string, password Password) string {
	return "username=" + escape(user) + "&password=" + escape(string(password))
}
