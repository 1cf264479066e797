package tupkg

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
)

// DefaultPort is the historical programs' port.
const DefaultPort = "1034"

// Server is a server as a target names it.
type Server struct {
	// Host and Port are where it is; Host is empty in "tupkg://", which leaves it to
	// the historical client's settings. Port is empty if the target has none.
	Host, Port string
	// User is the user's name, if the target has one.
	User string
	// TLS is true for tupkgs.
	TLS bool
	// Fingerprint is the SHA-256 of the server's certificate, if one is pinned.
	Fingerprint []byte
	// CAFile names a file of certificates (PEM) to trust in place of the system's.
	CAFile string
	// Version1 asks for version 1 of the protocol; Dialect is the server's dialect of
	// it, nil if it is to be found out.
	Version1 bool
	Dialect  *wire.Dialect
}

// ParseServer reads tupkg://[USER@]HOST[:PORT] or tupkgs://…, with
// ?fingerprint=sha256:HEX, ?ca=FILE, ?v=1 and ?dialect=document|code. An error is a
// *[report.Error] about the target.
func ParseServer(t transport.Target) (Server, error) {
	s, err := parseServer(t.URL)
	if err != nil {
		return s, &report.Error{
			Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, File: t.URL.Redacted(), Err: err,
			Hint: "a target is such as tupkgs://me@host or tupkg://localhost:1034?v=1",
		}
	}
	return s, nil
}

func parseServer(u *url.URL) (Server, error) {
	s := Server{Host: u.Hostname(), Port: u.Port(), User: u.User.Username(), TLS: strings.EqualFold(u.Scheme, "tupkgs")}
	switch {
	case u.Opaque != "":
		return s, errors.New("two slashes are missing")
	case s.Host == "" && (s.Port != "" || s.TLS):
		return s, errors.New("it names no host")
	case strings.HasSuffix(u.Host, ":"):
		return s, errors.New("the port is missing behind the ':'")
	case strings.Trim(u.Path, "/") != "":
		return s, fmt.Errorf("a tupkg server serves one repository, so there is nothing to choose by %q", u.Path)
	case u.Fragment != "":
		return s, fmt.Errorf("there is no use for %q in a target", "#"+u.Fragment)
	}
	if s.Port != "" {
		if n, err := strconv.ParseUint(s.Port, 10, 16); err != nil || n == 0 {
			return s, fmt.Errorf("%q is no port", s.Port)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, errors.New("what follows the '?' is not of the form key=value&key=value")
	}
	for key, values := range query {
		if len(values) != 1 {
			return s, fmt.Errorf("%s is given %d times", key, len(values))
		}
		if err := s.set(key, values[0]); err != nil {
			return s, err
		}
	}
	if query.Get("v") == "2" && s.Version1 {
		return s, errors.New("version 2 has no dialects")
	}
	if !s.TLS && (s.Fingerprint != nil || s.CAFile != "") {
		return s, errors.New("a certificate can be checked with tupkgs:// only")
	}
	return s, nil
}

// set takes one key of the target's query.
func (s *Server) set(key, value string) error {
	switch key {
	case "fingerprint":
		sum, err := ParseFingerprint(value)
		s.Fingerprint = sum
		return err
	case "ca":
		if value == "" {
			return errors.New("ca names no file")
		}
		s.CAFile = value
	case "v":
		if value != "1" && value != "2" {
			return fmt.Errorf("there is no version %q; there are 1 and 2", value)
		}
		s.Version1 = s.Version1 || value == "1"
	case "dialect":
		d, err := wire.ParseDialect(value)
		s.Dialect, s.Version1 = &d, true
		return err
	default:
		return fmt.Errorf("%q is none of fingerprint, ca, v and dialect", key)
	}
	return nil
}

// ParseFingerprint reads the SHA-256 of a certificate, as `mmpush serve` prints it:
// "sha256:" and 64 hexadecimal digits, in which colons may stand.
func ParseFingerprint(text string) ([]byte, error) {
	digits := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(text), "sha256:"), ":", "")
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("the fingerprint %q is not sha256: and 64 hexadecimal digits", text)
	}
	return sum, nil
}

// Address is host and port.
func (s Server) Address() string { return net.JoinHostPort(s.Host, cmp.Or(s.Port, DefaultPort)) }

// String is the target without what the user need not read again.
func (s Server) String() string {
	u := url.URL{Scheme: "tupkg", Host: s.Host}
	if s.TLS {
		u.Scheme = "tupkgs"
	}
	if s.Port != "" || strings.Contains(s.Host, ":") {
		u.Host = s.Address()
	}
	if s.User != "" {
		u.User = url.User(s.User)
	}
	return u.String()
}
