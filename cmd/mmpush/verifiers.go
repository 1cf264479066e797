package main

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/verifiers/contents"
	programs "github.com/mmpush/mmpush/plugins/verifiers/exec"
	"github.com/mmpush/mmpush/plugins/verifiers/installable"
	"github.com/mmpush/mmpush/plugins/verifiers/policy"
	signatures "github.com/mmpush/mmpush/plugins/verifiers/signature"
	sources "github.com/mmpush/mmpush/plugins/verifiers/source"
)

// maker makes a verifier that is built in, from what a repository's settings say of it.
type maker func(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error)

// verifiers are those that this program has itself, by name.
func verifiers() map[string]maker {
	return map[string]maker{
		"contents": func(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) { return contents.New(s.Config, r) },
		"exec": func(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) {
			if err := trustedSettings(r); err != nil {
				return nil, err
			}
			return programs.New(s.Config, s.Timeout, os.TempDir())
		},
		"installable": func(_ *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) { return installable.New(s.Config) },
		"policy":      func(_ *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) { return policy.New(s.Config) },
		"source": func(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) {
			v, err := sources.New(s.Config)
			if err == nil && v.Runs() {
				err = trustedSettings(r)
			}
			return v, err
		},
		"signature": func(r *repo.Repo, s repo.VerifierSetting) (verify.Verifier, error) {
			return signatures.New(s.Config, settingsFiles(r))
		},
	}
}

// versionOf is what the history says of the version of a verifier.
func versionOf(s repo.VerifierSetting) string {
	if s.Plugin != "" {
		return "sha256:" + s.SHA256
	}
	return "mmpush " + thisBuild().Version
}

// settingsFileLimit is far above what a file of keys takes.
const settingsFileLimit = 4 << 20

// settingsFiles reads the files that a repository's settings name: they are below
// REPO/.mmpush, as the settings are.
func settingsFiles(r *repo.Repo) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !fs.ValidPath(name) || name == "." {
			return nil, errors.New("is not the name of a file below the repository's .mmpush")
		}
		text, err := vfs.ReadFile(r.FS, path.Join(path.Dir(repo.SettingsFile), name), settingsFileLimit)
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("there is no such file below the repository's .mmpush")
		}
		return text, err
	}
}
