package signature

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/hiddeco/sshsig"
)

// What the real ssh-keygen says about a signature, we say, by the same file of allowed
// signers; and what we can make, it can read.
func TestRealSSHKeygen(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	put(t, dir, name, text)
	public := map[string]string{}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		check(t, program(t, dir, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a comment", "-f", kind))
		public[kind] = file(t, dir, kind+".pub")
	}
	sign := func(key, namespace, message string) string {
		put(t, dir, "message", message)
		check(t, program(t, dir, "ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, "message"))
		check(t, os.Rename(filepath.Join(dir, "message.sig"), filepath.Join(dir, "made")))
		return file(t, dir, "made")
	}
	own, ownLine := sshKey(t)
	tests := []struct{ name, line, signature string }{
		{"ed25519", "alice " + public["ed25519"], sign("ed25519", Namespace, text)},
		{"ecdsa", "alice " + public["ecdsa"], sign("ecdsa", Namespace, text)},
		{"rsa", "alice " + public["rsa"], sign("rsa", Namespace, text)},
		{"made by the library", "alice " + ownLine, sshSign(t, own, text, Namespace)},
		{"options", `alice namespaces="mmpush,git" ` + public["rsa"], sign("rsa", Namespace, text)},
		{"key for git only", `alice namespaces="git" ` + public["ed25519"], sign("ed25519", Namespace, text)},
		{"made for git", "alice " + public["ed25519"], sign("ed25519", "git", text)},
		{"pattern", "*lice " + public["ed25519"], sign("ed25519", Namespace, text)},
		{"taken out", "*,!alice " + public["ed25519"], sign("ed25519", Namespace, text)},
		{"several names", "bob,alice " + public["ed25519"], sign("ed25519", Namespace, text)},
		{"other name", "bob " + public["ed25519"], sign("ed25519", Namespace, text)},
		{"other bytes", "alice " + public["ed25519"], sign("ed25519", Namespace, text+"x")},
		{"other key", "alice " + public["rsa"], sign("ed25519", Namespace, text)},
		{"no longer", `alice valid-before="20240101" ` + public["ed25519"], sign("ed25519", Namespace, text)},
		{"not yet", `alice valid-after="20980101120000Z" ` + public["ed25519"], sign("ed25519", Namespace, text)},
		{"now", `alice valid-after="202001010000",valid-before="20980101" ` + public["ed25519"], sign("ed25519", Namespace, text)},
	}
	good := 0
	for _, tt := range tests {
		v := verifier(t, `{"ssh":["f"],"sources":[{"source":"*","signers":["alice"]}]}`, keys{"f": tt.line})
		got := said(t, v, signed(".sig", tt.signature)) == "SIGNED+"
		put(t, dir, "allowed", tt.line)
		put(t, dir, "one.sig", tt.signature)
		err := programWith(t, dir, strings.NewReader(text), "ssh-keygen", "-Y", "verify", "-n", Namespace, "-f", "allowed", "-I", "alice", "-s", "one.sig")
		if got != (err == nil) {
			t.Errorf("%s: we say %v, ssh-keygen says: %v", tt.name, got, err)
		}
		if got {
			good++
		}
	}
	if good != 8 {
		t.Errorf("%d are good", good)
	}
	if _, err := sshsig.Unarmor([]byte(tests[0].signature)); err != nil {
		t.Error(err)
	}
}

func TestRealMinisign(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	put(t, dir, name, text)
	check(t, program(t, dir, "minisign", "-G", "-W", "-f", "-p", "carol.pub", "-s", "carol.key"))
	v := verifier(t, fmt.Sprintf(`{"minisign":[{"signer":"carol","key":%q}]}`, file(t, dir, "carol.pub")), nil)
	for _, how := range [][]string{{}, {"-l"}, {"-t", "a trusted comment"}} {
		check(t, program(t, dir, append([]string{"minisign", "-S", "-W", "-s", "carol.key", "-m", name}, how...)...))
		if got := said(t, v, signed(".minisig", file(t, dir, name+".minisig"))); got != "SIGNED+" {
			t.Errorf("%v: %s", how, got)
		}
	}
	// The other way: what the library makes, the real program takes.
	private, public := miniKey(t)
	put(t, dir, name+".minisig", string(minisign.Sign(private, []byte(text))))
	check(t, program(t, dir, "minisign", "-V", "-P", public, "-m", name))
	put(t, dir, name, text+"x")
	if err := program(t, dir, "minisign", "-V", "-P", public, "-m", name); err == nil {
		t.Error("minisign takes a signature over other bytes")
	}
}

func TestRealGPG(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	t.Cleanup(func() { _ = programWith(t, dir, nil, "gpgconf", "--kill", "all") })
	put(t, dir, name, text)
	gpg := func(args ...string) {
		t.Helper()
		check(t, program(t, dir, append([]string{"gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...))
	}
	gpg("--quick-gen-key", "Alice <alice@example.org>", "ed25519", "sign", "0")
	gpg("--quick-gen-key", "Bob <bob@example.org>", "rsa2048", "sign", "0")
	gpg("--faked-system-time", "20200101T000000!", "--quick-gen-key", "Old <old@example.org>", "ed25519", "sign", "1y")
	gpg("--output", "all.gpg", "--export")
	k := keys{"all": file(t, dir, "all.gpg")}
	gpg("--output", "all.asc", "--armor", "--export")
	k["armored"] = file(t, dir, "all.asc")
	sign := func(args ...string) string {
		t.Helper()
		gpg(append(append([]string{"--output", "out"}, args...), name)...)
		return file(t, dir, "out")
	}
	for what, tt := range map[string]struct{ signature, want string }{
		"ed25519":   {sign("-u", "alice@example.org", "--detach-sign"), "SIGNED+"},
		"armored":   {sign("-u", "alice@example.org", "--armor", "--detach-sign"), "SIGNED+"},
		"rsa":       {sign("-u", "bob@example.org", "--detach-sign"), "SIGNED+"},
		"both":      {sign("-u", "bob@example.org", "-u", "alice@example.org", "--armor", "--detach-sign"), "SIGNED+ SIGNED+"},
		"text mode": {sign("-u", "bob@example.org", "--textmode", "--detach-sign"), "SIGNATURE UNSIGNED"},
		"attached":  {sign("-u", "bob@example.org", "--sign"), "SIGNATURE UNSIGNED"},
		"clear":     {sign("-u", "bob@example.org", "--clearsign"), "SIGNATURE UNSIGNED"},
		"weak":      {sign("-u", "bob@example.org", "--digest-algo", "SHA1", "--detach-sign"), "SIGN-KEY UNSIGNED"},
		"dated back": {sign("--faked-system-time", "20200601T000000!", "-u", "old@example.org", "--detach-sign"),
			"SIGN-KEY UNSIGNED"},
	} {
		for _, ring := range []string{"all", "armored"} {
			if got := said(t, verifier(t, `{"openpgp":["`+ring+`"]}`, k), signed(".asc", tt.signature)); got != tt.want {
				t.Errorf("%s, %s: %s, want %s", what, ring, got, tt.want)
			}
		}
	}
	bySource := `{"openpgp":["all"],"sources":[{"source":"*","signers":["alice@example.org"]}]}`
	if got := said(t, verifier(t, bySource, k), signed(".asc", sign("-u", "bob@example.org", "--detach-sign"))); got != "SIGNER UNSIGNED" {
		t.Error(got)
	}
	// The other way: what the library signs, gpg takes.
	dave, public := pgpKey(t, at(time.Now().Add(-time.Hour)))
	put(t, dir, "dave", public)
	put(t, dir, "dave.sig", pgpSign(t, dave, text, nil))
	gpg("--import", "dave")
	gpg("--verify", "dave.sig", name)
}
