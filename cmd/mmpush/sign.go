package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	signatures "github.com/mmpush/mmpush/plugins/verifiers/signature"
)

type signCmd struct {
	Manifest string `arg:"" complete:"manifest" help:"The .mmpack-manifest file."`

	With string `enum:"gpg,ssh,minisign," default:"" placeholder:"gpg|ssh|minisign" help:"The program that signs: gpg, ssh-keygen or minisign. Default: what the key is for; gpg without a key."`
	Key  string `placeholder:"KEY" help:"Your key: for gpg its fingerprint or address, for ssh a file of a private key, or of a public one whose private half ssh-agent has, for minisign a file of a secret key."`
	Add  bool   `help:"Add to the signatures that are in the file already, of another signer perhaps, instead of replacing them (gpg and ssh)."`

	DryRun bool `short:"n" help:"Show which file would be written, and by which program; sign nothing."`
}

// Help is shown by --help.
func (*signCmd) Help() string {
	return `The signature is written beside the manifest, as MANIFEST.asc (gpg), .sig (ssh) or .minisig, and goes with it when it is pushed. ` +
		`The manifest holds the SHA-256 of every file: it is enough to sign it, and nothing of it may change afterwards. ` +
		`Your own program signs and asks for its passphrase; mmpush never sees the key. By hand: gpg --armor --detach-sign MANIFEST, ` +
		`ssh-keygen -Y sign -n mmpush -f KEY MANIFEST, or minisign -Sm MANIFEST. ` +
		`Whether the signature is enough is decided by the settings of the repository (its verifier "signature").`
}

// signDoc is the document of sign.
type signDoc struct {
	Schema int `json:"schema"`
	// Result is "signed" or, for a dry run, "planned".
	Result    string `json:"result"`
	Manifest  string `json:"manifest"`
	Signature string `json:"signature"`
	// Program is what signs.
	Program string `json:"program"`
	// Existing says what becomes of signatures that the file has already: "replaced" or
	// "kept". Without any it is empty.
	Existing string `json:"existing,omitempty"`
}

func (c *signCmd) run(ctx context.Context, a *app) (doc any, code int) {
	made, err := c.sign(ctx, a)
	if err != nil {
		return a.fail(err)
	}
	if !c.DryRun {
		a.out.line("%s", a.out.paint(good, "signed")+" "+visible(made.Signature))
		return made, exitDone
	}
	about := map[string]string{"": "", "replaced": " over the signature that is there", "kept": " behind the signatures that are there"}[made.Existing]
	a.out.outcome(caution, "would write", fmt.Sprintf(" %s%s, made by %s; dry run, nothing was signed", visible(made.Signature), about, made.Program))
	return made, exitDone
}

// sign signs, or for a dry run looks whether it could.
func (c *signCmd) sign(ctx context.Context, a *app) (made signDoc, err error) {
	folder, err := openUpload(c.Manifest)
	if err != nil {
		return made, err
	}
	defer folder.Close()
	u, findings, err := upload.Open(ctx, folder, ".", filepath.Base(c.Manifest))
	if err != nil {
		return made, err
	}
	if u.Manifest == nil {
		a.err.findings(findings)
		return made, wrongUsage("sign what mmpack-build wrote", "%s is not a manifest that could be published", c.Manifest)
	}
	how, err := c.how(a, u)
	if err != nil {
		return made, err
	}
	name := u.Name + how.suffix
	made = signDoc{Schema: report.Schema, Result: "signed", Manifest: c.Manifest, Signature: filepath.Join(filepath.Dir(c.Manifest), name), Program: how.argv[0]}
	var before []byte
	if before, made.Existing, err = c.others(u, name, how); err != nil {
		return made, err
	}
	if c.DryRun {
		made.Result = string(report.Planned)
		return made, c.could(ctx, how)
	}
	text, err := how.run(ctx, a, u)
	if err != nil {
		return made, err
	}
	text = append(before, text...)
	if len(before) > 0 && len(text) > upload.SignatureSize {
		return made, wrongUsage("leave --add out", "--add: %s would have more than %d bytes", name, upload.SignatureSize)
	}
	if err := vfs.ReplaceFile(folder, name, "."+name+".new", 0o644, text); err != nil {
		return made, &report.Error{Stage: "sign", Code: report.CodeDisk, File: made.Signature, Err: err}
	}
	return made, nil
}

// others are the signatures of the file that stay in front of the new one, and what
// becomes of those that it has.
func (c *signCmd) others(u upload.Upload, name string, how signer) (before []byte, existing string, err error) {
	i := slices.IndexFunc(u.Signatures, func(s upload.Signature) bool { return s.Name == name })
	switch {
	case i < 0:
		return nil, "", nil
	case !c.Add:
		return nil, "replaced", nil
	case how.suffix == ".minisig" || !bytes.HasPrefix(u.Signatures[i].Text, []byte(how.begin)):
		return nil, "", wrongUsage("leave --add out", "--add: nothing can be added to %s", name)
	}
	return append(bytes.TrimRight(u.Signatures[i].Text, "\n"), '\n'), "kept", nil
}

// could says why nothing could be signed, as far as that shows without asking for a
// passphrase: the program is not there, or the file of the key is not. Which keys gpg has
// is its own affair.
func (c *signCmd) could(ctx context.Context, how signer) error {
	if _, err := exec.LookPath(how.argv[0]); err != nil {
		return how.failed(ctx, err)
	}
	if how.suffix == ".asc" || c.Key == "" {
		return nil
	}
	_, err := os.Stat(c.Key)
	if _, public := os.Stat(c.Key + ".pub"); err != nil && (how.suffix != ".sig" || public != nil) {
		return wrongUsage("--key names another key, --with another program", "--key: %w", err)
	}
	return nil
}

// signer is a program that signs.
type signer struct {
	// argv is how it is run; input: it reads the manifest from standard input and writes
	// the signature to standard output; else it leaves it in a file of that suffix.
	argv  []string
	input bool
	// suffix and begin are those of the signature.
	suffix, begin string
}

// how chooses the program by the flags, or by what the key is.
func (c *signCmd) how(a *app, u upload.Upload) (signer, error) {
	with := c.With
	if with == "" {
		with = kindOfKey(c.Key)
	}
	if strings.HasPrefix(c.Key, "-") {
		return signer{}, wrongUsage("write ./ in front of a file's name", "--key: %q begins with -", c.Key)
	}
	switch with {
	case "ssh":
		if c.Key == "" {
			return signer{}, wrongUsage("ssh-add -L lists the public keys of the agent; any of them in a file will do", "--with ssh needs --key FILE")
		}
		return signer{[]string{"ssh-keygen", "-q", "-Y", "sign", "-n", signatures.Namespace, "-f", c.Key}, true, ".sig", "-----BEGIN SSH SIGNATURE-----"}, nil
	case "minisign":
		argv := []string{"minisign", "-S", "-m", u.Name}
		if c.Key != "" {
			key, err := filepath.Abs(c.Key)
			if err != nil {
				return signer{}, err
			}
			argv = append(argv, "-s", key)
		}
		return signer{argv, false, ".minisig", "untrusted comment: "}, nil
	}
	argv := []string{"gpg", "--armor", "--detach-sign", "--output", "-"}
	if c.Key != "" {
		argv = append(argv, "--local-user", c.Key)
	}
	return signer{argv, true, ".asc", "-----BEGIN PGP SIGNATURE-----"}, nil
}

// kindOfKey looks at what a key may be a file of.
func kindOfKey(key string) string {
	f, err := os.Open(key)
	if key == "" || err != nil {
		return "gpg"
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	switch {
	case strings.HasPrefix(line, "untrusted comment:"):
		return "minisign"
	case strings.Contains(line, "PRIVATE KEY-----"), strings.HasPrefix(line, "ssh-"), strings.HasPrefix(line, "ecdsa-"), strings.HasPrefix(line, "sk-"):
		return "ssh"
	}
	return "gpg"
}

// run signs the bytes of the manifest as they were read, in a folder of its own.
func (s signer) run(ctx context.Context, a *app, u upload.Upload) ([]byte, error) {
	dir, err := os.MkdirTemp("", "mmpush-sign-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	cmd.Stderr = a.Stderr
	if s.input {
		cmd.Stdin, cmd.Stdout = bytes.NewReader(u.Text), &out
	} else {
		if err := os.WriteFile(filepath.Join(dir, u.Name), u.Text, 0o600); err != nil {
			return nil, err
		}
		cmd.Dir, cmd.Stdin, cmd.Stdout = dir, a.Stdin, a.Stderr
	}
	if err := cmd.Run(); err != nil {
		return nil, s.failed(ctx, err)
	}
	text := out.Bytes()
	if !s.input {
		if text, err = os.ReadFile(filepath.Join(dir, u.Name+s.suffix)); err != nil {
			return nil, s.failed(ctx, errors.New("it has written no signature"))
		}
	}
	if !bytes.HasPrefix(text, []byte(s.begin)) {
		return nil, s.failed(ctx, errors.New("it has written something else than a signature"))
	}
	return text, nil
}

func (s signer) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &report.Error{Stage: "sign", Code: report.CodeStopped, Err: context.Cause(ctx)}
	}
	e := &report.Error{Stage: "sign", Code: report.CodeUsage, Kind: report.KindUsage, Err: fmt.Errorf("%s has not signed: %w", s.argv[0], err),
		Hint: "what it says itself is above; --key names another key, --with another program"}
	if errors.Is(err, exec.ErrNotFound) {
		e.Err, e.Hint = fmt.Errorf("there is no program %s", s.argv[0]), "install it, or sign with another one: --with gpg, ssh or minisign"
	}
	return e
}
