package signature

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// allowed are the lines of files of allowed signers.
type allowed struct{ keys []allowedKey }

type allowedKey struct {
	key ssh.PublicKey
	period
	// principals and namespaces are lists of patterns; a '!' in front of one takes out
	// what matches. No namespaces: all.
	principals, namespaces []string
}

// add reads a file as ssh-keygen(1) has it under ALLOWED SIGNERS.
func (a *allowed) add(text []byte) error {
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseAllowed(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		a.keys = append(a.keys, k)
	}
	return nil
}

func (a *allowed) of(key ssh.PublicKey) []allowedKey {
	return slices.DeleteFunc(slices.Clone(a.keys), func(k allowedKey) bool { return !bytes.Equal(k.key.Marshal(), key.Marshal()) })
}

// parseAllowed reads one line: principals, options, key, comment.
func parseAllowed(line string) (k allowedKey, err error) {
	names, rest, err := firstWord(line)
	if err != nil {
		return k, err
	}
	k.principals = strings.Split(names, ",")
	if err := checkPatterns(k.principals); err != nil {
		return k, err
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return k, errors.New("after the names there is no public key")
	}
	if _, certificate := key.(*ssh.Certificate); certificate || key.Type() == "ssh-dss" {
		return k, fmt.Errorf("a key of type %s cannot be used for signatures here", key.Type())
	}
	k.key = key
	return k, k.take(options)
}

// take takes over the options of a line.
func (k *allowedKey) take(options []string) error {
	var after, before string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		switch strings.ToLower(name) {
		case "namespaces":
			k.namespaces = strings.Split(value, ",")
			if err := checkPatterns(k.namespaces); err != nil {
				return err
			}
		case "valid-after":
			after = value
		case "valid-before":
			before = value
		default:
			return fmt.Errorf("the option %q is not known here: namespaces, valid-after and valid-before are", name)
		}
	}
	var err error
	k.period, err = parsePeriod(after, before)
	return err
}

// firstWord cuts off the first word, which may stand in quotes.
func firstWord(line string) (word, rest string, err error) {
	if strings.HasPrefix(line, `"`) {
		word, rest, ok := strings.Cut(line[1:], `"`)
		if !ok {
			return "", "", errors.New("a quote is not closed")
		}
		return word, rest, nil
	}
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return "", "", errors.New("is not: names, options, a key")
	}
	return line[:i], line[i:], nil
}

func checkPatterns(list []string) error {
	for _, p := range list {
		if err := config.Patterns("the line", []string{strings.TrimPrefix(p, "!")}); err != nil {
			return err
		}
	}
	return nil
}

func (k allowedKey) allows(namespace string) bool {
	return len(k.namespaces) == 0 || inList(k.namespaces, namespace)
}

// inList matches a name against a list of patterns as OpenSSH does: one with '!' that
// matches takes the name out, whatever the others say.
func inList(list []string, name string) bool {
	found := false
	for _, p := range list {
		out := strings.HasPrefix(p, "!")
		if ok, err := path.Match(strings.TrimPrefix(p, "!"), name); err != nil || !ok {
			continue
		}
		if out {
			return false
		}
		found = true
	}
	return found
}

// principals are the owners of an SSH key, by all lines that allow it.
type principals []allowedKey

// is implements [owners]: a name in a rule is one that the key is allowed for; a
// pattern in a rule matches a name that stands in a line.
func (p principals) is(pattern string) bool {
	for _, k := range p {
		if inList(k.principals, pattern) && !strings.ContainsAny(pattern, "*?[\\") {
			return true
		}
		for _, name := range k.principals {
			if !strings.ContainsAny(name, "!*?[\\") && inList(k.principals, name) && config.Matches([]string{pattern}, name) {
				return true
			}
		}
	}
	return false
}

// names implements [owners]: what is taken out by a '!' is no name of the owner's.
func (p principals) names() []string {
	return slices.DeleteFunc(p.all(), func(name string) bool { return strings.HasPrefix(name, "!") })
}

func (p principals) String() string { return strings.Join(p.all(), ",") }

func (p principals) all() []string {
	var names []string
	for _, k := range p {
		names = append(names, k.principals...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
