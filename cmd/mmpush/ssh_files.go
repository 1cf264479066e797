package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	// keyVariable and hostsVariable are the variables of the environment that may hold a
	// private key for ssh, and lines of a known_hosts file: a build server has no home
	// with files.
	keyVariable   = "MMPUSH_SSH_KEY"
	hostsVariable = "MMPUSH_KNOWN_HOSTS"
)

// sshFiles puts the key and the known hosts of the environment where ssh can read them,
// and returns the options by which it uses them and nothing else. The caller calls done,
// which deletes them, at the end.
func (a *app) sshFiles() (options []string, done func(), err error) {
	var open []func()
	done = func() {
		for _, remove := range open {
			remove()
		}
	}
	for _, f := range []struct {
		variable, option string
		more             []string
	}{
		{keyVariable, "IdentityFile", []string{"-oBatchMode=yes", "-oIdentitiesOnly=yes"}},
		{hostsVariable, "UserKnownHostsFile", []string{"-oStrictHostKeyChecking=yes", "-oUpdateHostKeys=no"}},
	} {
		text := strings.TrimSpace(a.Getenv(f.variable))
		if text == "" {
			continue
		}
		// What was pasted on Windows has another end of line, which ssh does not take.
		name, remove, err := privateFile(strings.ReplaceAll(text, "\r\n", "\n") + "\n")
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("$%s: %w", f.variable, err)
		}
		open = append(open, remove)
		options = append(append(options, f.more...), sshOption(f.option, name))
	}
	return options, done, nil
}

// privateFile makes a file that only we can read, with mode 0600, and writes a text into
// it. Where the system lets us, it has no name in any folder: it is gone with the process,
// however that ends.
func privateFile(text string) (name string, remove func(), err error) {
	f, err := os.CreateTemp("", "mmpush-ssh-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = f.Close(); _ = os.Remove(f.Name()) }
	name = f.Name()
	if nameless := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()); opens(nameless) {
		if err := os.Remove(f.Name()); err == nil {
			name, remove = nameless, func() { _ = f.Close() }
		}
	}
	if _, err := f.WriteString(text); err != nil {
		remove()
		return "", nil, err
	}
	return name, remove, nil
}

// opens reports whether a name leads to a file that can be read.
func opens(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// sshOption names a file to ssh, which takes white space in an option for the end of the
// name, and % for the start of one of its own words.
func sshOption(option, file string) string {
	return fmt.Sprintf(`-o%s="%s"`, option, strings.ReplaceAll(file, "%", "%%"))
}
