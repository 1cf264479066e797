package signature

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

const text = "name: foo\nversion: '1.0'\n"

const name = "foo.mmpack-manifest"

// signed is an upload of foo with files of signatures: suffix, content, and so on.
func signed(files ...string) upload.Upload {
	u := upload.Upload{Kind: upload.Mmpack, Name: name, Text: []byte(text), Manifest: &manifest.Manifest{Name: "foo", Version: "1.0"}}
	for i := 0; i < len(files); i += 2 {
		u.Signatures = append(u.Signatures, upload.Signature{Name: name + files[i], Text: []byte(files[i+1])})
	}
	return u
}

// keys are the files that settings name.
type keys map[string]string

func (k keys) read(name string) ([]byte, error) {
	if text, ok := k[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func verifier(t testing.TB, settings string, k keys) *Verifier {
	t.Helper()
	v, err := New([]byte(settings), k.read)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// said are the codes and severities of the findings about an upload.
func said(t testing.TB, v *Verifier, u upload.Upload) string {
	t.Helper()
	findings, err := v.Verify(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range findings {
		if f.Message == "" || f.Refuses() && f.Hint == "" || f.File == "" {
			t.Errorf("incomplete: %+v", f)
		}
		list = append(list, strings.TrimPrefix(string(f.Code), "MP-")+map[report.Severity]string{report.SeverityWarning: "?", report.SeverityNote: "+"}[f.Severity])
	}
	return strings.Join(list, " ")
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sshKey is a key and its line of a file of allowed signers, without the principals.
func sshKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	s, err := ssh.NewSignerFromKey(private)
	check(t, err)
	return s, string(ssh.MarshalAuthorizedKey(s.PublicKey()))
}

func sshSign(t testing.TB, s ssh.Signer, text, namespace string) string {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(text), s, sshsig.HashSHA512, namespace)
	check(t, err)
	return string(sshsig.Armor(sig))
}

func miniKey(t testing.TB) (minisign.PrivateKey, string) {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	check(t, err)
	return private, public.String()
}

func pgpKey(t testing.TB, c *packet.Config) (*openpgp.Entity, string) {
	t.Helper()
	e, err := openpgp.NewEntity("Alice", "", "alice@example.org", c)
	check(t, err)
	return e, pgpPublic(t, e)
}

func pgpPublic(t testing.TB, e *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	check(t, e.Serialize(&b))
	return b.String()
}

func pgpSign(t testing.TB, e *openpgp.Entity, text string, c *packet.Config) string {
	t.Helper()
	var b bytes.Buffer
	check(t, openpgp.DetachSign(&b, []*openpgp.Entity{e}, strings.NewReader(text), c))
	return b.String()
}

// program runs a real program in a folder.
func program(t testing.TB, dir string, argv ...string) error {
	t.Helper()
	return programWith(t, dir, nil, argv...)
}

func programWith(t testing.TB, dir string, input io.Reader, argv ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, programtest.Need(t, argv[0]), argv[1:]...)
	c.Dir, c.Stdin = dir, input
	c.Env = append(os.Environ(), "GNUPGHOME="+dir, "HOME="+dir, "LC_ALL=C", "TZ=UTC")
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return err
}

func file(t testing.TB, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	check(t, err)
	return string(data)
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

// scratch is a folder whose name is short enough for gpg-agent's socket.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "mmpush-sig-")
	check(t, err)
	check(t, os.Chmod(dir, 0o700))
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	return dir
}
