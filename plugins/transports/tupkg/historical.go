package tupkg

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
)

// Historical are the settings of the historical client: the file .tupkg in the home
// folder, with a section [tupkg] that has username, password, host and port. Its
// password goes to its host only.
type Historical struct {
	// File is the file's name, empty if there is none.
	File             string
	User, Host, Port string
	password         wire.Password
	// open: others can read the file.
	open bool
}

// HasPassword reports whether there is a password in the file.
func (h Historical) HasPassword() bool { return h.password != "" }

// Password is the password for a user of the server that these settings are for; empty
// if there is none. One that others can read is an error.
func (h Historical) Password(user string) (wire.Password, error) {
	switch {
	case h.password == "" || h.User != "" && h.User != user:
		return "", nil
	case h.open:
		return "", fileError(h.File, "chmod 600 "+h.File+"; and choose another password, since others may know this one",
			errors.New("others can read the file, and there is a password in it"))
	}
	return h.password, nil
}

// historicalHost is the historical client's, where its file names none.
const historicalHost = "aur.archlinux.org"

// ReadHistorical reads the file; one that is not there is no error.
func ReadHistorical(file string) (Historical, error) {
	text, open, err := readSmall(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Historical{}, nil
	}
	if err != nil {
		return Historical{}, fileError(file, "", err)
	}
	h := Historical{File: file, Host: historicalHost, open: open}
	return h, h.parse(string(text))
}

// parse reads the file as the historical client's library did: keys in any case, '='
// or ':', lines that begin with '#' or ';' are comments, and so is what follows " ;".
// Other sections and keys are nobody's business.
func (h *Historical) parse(text string) error {
	section := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";"):
			continue
		case strings.HasPrefix(line, "[") && strings.Contains(line, "]"):
			section = line[1:strings.Index(line, "]")]
			continue
		}
		at := strings.IndexAny(line, "=:")
		if at < 0 || section == "" {
			// The line may hold a password.
			return &report.Error{
				Stage: "login", Code: report.CodeUsage, Kind: report.KindUsage, File: fmt.Sprintf("%s:%d", h.File, i+1),
				Err:  errors.New("is neither [section] nor key = value in a section"),
				Hint: "the file has a line [tupkg], then username = ..., password = ..., host = ... and port = ...",
			}
		}
		if section == "tupkg" {
			h.set(strings.ToLower(strings.TrimSpace(line[:at])), value(line[at+1:]))
		}
	}
	return nil
}

// value is a value without its comment.
func value(text string) string {
	for i := 1; i < len(text); i++ {
		if text[i] == ';' && (text[i-1] == ' ' || text[i-1] == '\t') {
			text = text[:i]
			break
		}
	}
	text = strings.TrimSpace(text)
	if text == `""` {
		return ""
	}
	return text
}

func (h *Historical) set(key, value string) {
	switch key {
	case "username":
		h.User = value
	case "password":
		h.password = wire.Password(value)
	case "host":
		h.Host = value
	case "port":
		h.Port = value
	}
}

// Complete fills in what the target leaves to the file: the host, and the port of that
// host.
func (h Historical) Complete(s Server) (Server, error) {
	if s.Host == "" {
		if h.File == "" {
			return s, fileError("tupkg://", "a target is such as tupkgs://me@host", errors.New("the target names no host, and there is no ~/.tupkg that does"))
		}
		s.Host = h.Host
	}
	if s.Port == "" && strings.EqualFold(s.Host, h.Host) {
		s.Port = h.Port
	}
	return s, nil
}

// For returns the settings for a server: none if they are for another one.
func (h Historical) For(s Server) Historical {
	if h.File == "" || !strings.EqualFold(s.Host, h.Host) || cmp.Or(s.Port, DefaultPort) != cmp.Or(h.Port, DefaultPort) {
		return Historical{}
	}
	return h
}
