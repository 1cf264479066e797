package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	// keyVariable and hostsVariable are the variables of the environment that may hold a
	// private key for ssh, and lines of a known_hosts file: a build server has no home
	// with files.
	keyVariable   = "MMPUSH_SSH_KEY"
	hostsVariable = "MMPUSH_KNOWN_HOSTS"
)

// sshFiles writes the key and the known hosts of the environment into files that only we
// can read, and returns the options by which ssh uses them and nothing else. The caller
// calls done, which deletes them, at the end.
func (a *app) sshFiles() (options []string, done func(), err error) {
	key, hosts := a.Getenv(keyVariable), a.Getenv(hostsVariable)
	if strings.TrimSpace(key) == "" && strings.TrimSpace(hosts) == "" {
		return nil, func() {}, nil
	}
	// Others can neither read it nor look into it.
	dir, err := os.MkdirTemp("", "mmpush-ssh-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	write := func(name, text string) (string, error) {
		name = filepath.Join(dir, name)
		// What was pasted on Windows has another end of line, which ssh does not take.
		text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) + "\n"
		return name, os.WriteFile(name, []byte(text), 0o600)
	}
	if strings.TrimSpace(key) != "" {
		name, writeErr := write("key", key)
		err = errors.Join(err, writeErr)
		options = append(options, "-oBatchMode=yes", "-oIdentitiesOnly=yes", sshOption("IdentityFile", name))
	}
	if strings.TrimSpace(hosts) != "" {
		name, writeErr := write("known_hosts", hosts)
		err = errors.Join(err, writeErr)
		options = append(options, "-oStrictHostKeyChecking=yes", "-oUpdateHostKeys=no", sshOption("UserKnownHostsFile", name))
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return options, done, nil
}

// sshOption names a file to ssh, which takes white space in an option for the end of the
// name, and % for the start of one of its own words.
func sshOption(option, file string) string {
	return fmt.Sprintf(`-o%s="%s"`, option, strings.ReplaceAll(file, "%", "%%"))
}
