package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// addExamples puts the examples of each verb below what --help and the man page say of
// it.
func addExamples(root *kong.Node) {
	for _, n := range root.Children {
		addExamples(n)
		if lines := examples()[n.Path()]; len(lines) > 0 {
			n.Detail = strings.TrimSpace(n.Detail + "\n\nFor example:\n\n    " + strings.Join(lines, "\n    "))
		}
	}
}

// examples are command lines to copy, by verb. Tests run each of them through the
// grammar.
func examples() map[string][]string {
	return map[string][]string{
		"push": {
			"mmpush push out/*.mmpack-manifest --to /srv/repo",
			"mmpush push out/*.mmpack-manifest --to tupkgs://me@repo.example --dry-run",
		},
		"check":         {"mmpush check out/*.mmpack-manifest"},
		"init":          {"mmpush init /srv/repo --arch amd64-debian", "mmpush init /srv/pacman --kind pacman --name demo"},
		"list":          {"mmpush list -R /srv/repo 'lib*'"},
		"remove":        {"mmpush remove -R /srv/repo 'libfoo*' --dry-run", "mmpush remove -R /srv/repo --source foo --version 1.0.0 --yes"},
		"log":           {"mmpush log -R /srv/repo -n 5 'libfoo*' --since 72h"},
		"show":          {"mmpush show -R /srv/repo 12"},
		"who":           {"mmpush who -R /srv/repo libfoo1"},
		"undo":          {"mmpush undo -R /srv/repo", "mmpush undo -R /srv/repo 12 --dry-run", "mmpush undo -R /srv/repo --to 9"},
		"verify-log":    {`mmpush verify-log -R /srv/repo --head "$(cat noted-head)"`},
		"gc":            {"mmpush gc -R /srv/repo"},
		"export":        {"mmpush export -R /srv/repo /srv/www", "rsync -a --delete-after /srv/www/ mirror:/srv/www/"},
		"fsck":          {"mmpush fsck -R /srv/repo --deep --ignore index.html", "mmpush fsck -R /srv/repo --repair"},
		"recover":       {"mmpush recover -R /srv/repo"},
		"service print": {"mmpush service print --dir /etc/systemd/system"},
		"abort":         {"mmpush abort 3f9a1c20 -R /srv/repo"},
		"batch":         {"mmpush batch -R /srv/repo < commands"},
		"watch":         {"mmpush watch /srv/drop -R /srv/repo"},
		"gensync": {
			"mmpush gensync /srv/pacman --name demo --add foo-1.0-1-x86_64.pkg.tar.zst",
			"mmpush gensync /srv/pacman --name demo --incoming /srv/incoming",
		},
		"serve":             {"mmpush serve -R /srv/repo --listen :1034 --users users --tls-self-signed"},
		"user add":          {"mmpush user add ann@example.net --users users --rights 'lib*'"},
		"user passwd":       {"mmpush user passwd ann@example.net --users users"},
		"user token":        {"mmpush user token ci --users users --label build --expires 90d"},
		"user rights":       {"mmpush user rights ann@example.net --users users --add tool"},
		"user list":         {"mmpush user list --users users"},
		"user remove":       {"mmpush user remove ann@example.net --users users"},
		"hook post-receive": {"mmpush hook post-receive --git-dir /srv/git/dist.git --unpublished"},
		"hook pre-receive":  {"mmpush hook pre-receive --git-dir /srv/git/dist.git"},
		"hook install":      {"mmpush hook install --git-dir dist.git -R /srv/repo --refs refs/heads/dist"},
		"hook uninstall":    {"mmpush hook uninstall --git-dir dist.git"},
		"hook status":       {"mmpush hook status --git-dir dist.git"},
		"status":            {"mmpush status 3f9a1c20 --git-dir dist.git"},
		"receive":           {"mmpush receive --authorized-keys-line ci.pub --as ci /srv/repo"},
		"sign":              {"mmpush sign out/foo.mmpack-manifest --with ssh --key ~/.ssh/id_ed25519", "mmpush sign out/foo.mmpack-manifest --dry-run"},
		"plugin list":       {"mmpush plugin list -R /srv/repo"},
		"plugin check":      {"mmpush plugin check ./no-games"},
		"config":            {"mmpush config", "MMPUSH_REPO=/srv/repo mmpush config --json"},
		"explain":           {"mmpush explain MP-SIZE", "mmpush explain"},
		"completion":        {"mmpush completion fish > ~/.config/fish/completions/mmpush.fish"},
		"version":           {"mmpush version"},
	}
}
