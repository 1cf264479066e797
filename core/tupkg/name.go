package tupkg

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName says why a file name cannot be sent; nil if it can. A name is valid UTF-8
// of 1 to 255 bytes with no '/', no NUL, no control character, and neither '.' nor
// '-' in front. Spaces, ':' and letters of all scripts are allowed, since the
// historical programs take them; what may be published is a narrower question.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > nameBytes:
		return fmt.Errorf("the name has %d bytes; at most %d are allowed", len(name), nameBytes)
	case !utf8.ValidString(name):
		return errors.New("the name is not valid UTF-8")
	case strings.Contains(name, "/"):
		return errors.New("the name has a '/' in it; only a base name is allowed")
	case name[0] == '.' || name[0] == '-':
		return fmt.Errorf("the name begins with %q", name[0])
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("the name has a control character in it")
	}
	return nil
}

// checkUser does the same for a user name, which is an e-mail address as a rule.
func checkUser(user string) error {
	switch {
	case user == "":
		return errors.New("the user name is empty")
	case len(user) > nameBytes:
		return fmt.Errorf("the user name has %d bytes; at most %d are allowed", len(user), nameBytes)
	case !utf8.ValidString(user) || strings.ContainsFunc(user, unicode.IsControl):
		return errors.New("the user name is not valid UTF-8, or has a control character in it")
	}
	return nil
}

// checkSet checks what a declaration of either version has to hold for its files.
func checkSet(files []Declared, most int, l Limits) error {
	if len(files) > most {
		return &Refusal{Code: CodeLimit, Reason: fmt.Sprintf("%d files are declared; this server takes at most %d at once", len(files), most)}
	}
	seen, sum := make(map[string]bool, len(files)), int64(0)
	for _, f := range files {
		if err := CheckName(f.Name); err != nil {
			return fault("the file name "+shown(f.Name), "%v", err)
		}
		if seen[f.Name] {
			return fault("the file name "+shown(f.Name), "it is declared twice")
		}
		seen[f.Name] = true
		if f.Size < 0 {
			return fault(shown(f.Name), "its size %d is negative", f.Size)
		}
		if f.Size > l.FileBytes {
			return tooLarge(shown(f.Name), l.FileBytes)
		}
		if sum += f.Size; sum > l.UploadBytes {
			return tooLarge("the upload", l.UploadBytes)
		}
	}
	return nil
}

func tooLarge(what string, most int64) error {
	return &Refusal{Code: CodeLimit, Reason: fmt.Sprintf("%s is declared larger than the %d bytes that this server takes", what, most)}
}
