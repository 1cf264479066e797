package config

import "strings"

// Key is one thing that can be set, by a variable of the environment or in a file.
type Key struct {
	Name string
	// Means is a sentence for people.
	Means string
	// Example is a value that makes sense.
	Example string
	// Default is what holds if nobody sets it; empty: nothing.
	Default string
	// Own: it is an error in a project's file, since it names a program, a password or
	// who may log in.
	Own bool
	// Target: a named target may have one of its own.
	Target bool

	check func(text string) string
}

// Variable is the name of the variable of the environment.
func (k Key) Variable() string {
	return "MMPUSH_" + strings.ToUpper(strings.ReplaceAll(k.Name, "-", "_"))
}

// Keys are all of them, in the order of the documentation.
func Keys() []Key {
	return []Key{
		{Name: "to", Means: "Where to publish: a folder, a URL, or the name of a target.", Example: "prod"},
		{Name: "repo", Means: "The repository that is meant where no -R names one: a folder, or the name of a target that is a folder.", Example: "/srv/repo"},
		{Name: "user", Means: "Who you are at a server.", Example: "me", Target: true},
		{Name: "password-file", Means: "A file with the password for a server; only its owner may read it.", Example: "~/.config/mmpush/password", Own: true, Target: true},
		{Name: "password-command", Means: "A program that prints the password; run without a shell.", Example: "pass show repo", Own: true, Target: true},
		{Name: "ssh-command", Means: "The ssh program with its first arguments; run without a shell.", Example: "ssh -i ~/.ssh/builder", Own: true, Target: true},
		{Name: "remote", Means: "The mmpush program on the other side of ssh://.", Example: "/opt/mmpush/bin/mmpush", Own: true, Target: true},
		{Name: "users", Means: "The users file of a server.", Example: "/etc/mmpush/users", Own: true},
		{Name: "transports", Means: "Transports that are plugins, a list of SCHEME=PATH@sha256:HEX; in the variable, by white space.", Example: "[acme=/opt/acme@sha256:HEX]", Own: true},
		{Name: "lock-wait", Means: "How long to wait while another program changes the repository.", Example: "5m", Default: "60s", check: aTime},
		{Name: "retry-for", Means: "How long to try again when a connection is lost and nothing gets through.", Example: "10m", Default: "2m", check: aTime},
	}
}

// Section is a key of a file that has keys of its own.
type Section struct {
	Name, Means, Example string
}

// Sections are those that stand in a file only.
func Sections() []Section {
	return []Section{
		{"targets", "Places to publish, by name: a folder or a URL, or a mapping with it as \"to\" and keys of its own.",
			"targets:\n    stable: /srv/repo\n    prod:\n        to: tupkgs://repo.example\n        user: me\n        password-file: ~/.config/mmpush/prod"},
		{"sets", "Repositories that one source is published in as one decision, by name: a folder for each architecture, the architectures whose parts have to be there first, and how long parts wait for each other.",
			"sets:\n    all:\n        repositories: {amd64-debian: /srv/amd64, arm64-debian: /srv/arm64}\n        expects: [amd64-debian, arm64-debian]\n        deadline: 24h"},
	}
}

func defaults() map[string]string {
	m := map[string]string{}
	for _, k := range Keys() {
		m[k.Name] = k.Default
	}
	return m
}
