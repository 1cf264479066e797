package signature

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mmpush/mmpush/core/upload"
)

func TestSSH(t *testing.T) {
	t.Parallel()
	alice, aliceKey := sshKey(t)
	bob, bobKey := sshKey(t)
	stranger, _ := sshKey(t)
	good := sshSign(t, alice, text, Namespace)
	for name, tt := range map[string]struct{ line, signature, want string }{
		"good":                   {"alice " + aliceKey, good, "SIGNED+"},
		"options":                {`alice namespaces="git,mm*",valid-after="20200101",valid-before="20990101Z" ` + aliceKey, good, "SIGNED+"},
		"quoted names":           {`"alice,a b" ` + aliceKey, good, "SIGNED+"},
		"other bytes":            {"alice " + aliceKey, sshSign(t, alice, text+"x", Namespace), "SIGNED-OTHER UNSIGNED"},
		"other namespace":        {"alice " + aliceKey, sshSign(t, alice, text, "git"), "NAMESPACE UNSIGNED"},
		"key not for it":         {`alice namespaces="git" ` + aliceKey, good, "NAMESPACE UNSIGNED"},
		"key taken out of it":    {`alice namespaces="*,!mmpush" ` + aliceKey, good, "NAMESPACE UNSIGNED"},
		"not yet":                {`alice valid-after="20990101" ` + aliceKey, good, "SIGN-KEY UNSIGNED"},
		"no longer":              {`alice valid-before="20200101000000Z" ` + aliceKey, good, "SIGN-KEY UNSIGNED"},
		"one line is enough":     {`alice valid-before="20200101" ` + aliceKey + "alice " + aliceKey, good, "SIGNED+"},
		"stranger":               {"alice " + aliceKey, sshSign(t, stranger, text, Namespace), "SIGNER UNSIGNED"},
		"one good, one unknown":  {"alice " + aliceKey, sshSign(t, stranger, text, Namespace) + good, "SIGNER? SIGNED+"},
		"one good, one tampered": {"alice " + aliceKey + "bob " + bobKey, sshSign(t, bob, "x", Namespace) + good, "SIGNED-OTHER SIGNED+"},
		"cut short":              {"alice " + aliceKey, good[:len(good)-20], "SIGNATURE UNSIGNED"},
		"garbage inside":         {"alice " + aliceKey, sshBegin + "\nAAAA\n" + sshEnd, "SIGNATURE UNSIGNED"},
		"text behind":            {"alice " + aliceKey, good + "hello", "SIGNED+ SIGNATURE"},
		"more than anybody has":  {"alice " + aliceKey, strings.Repeat(good, 40), "SIGNATURE"},
	} {
		if got := said(t, verifier(t, `{"ssh":["f"]}`, keys{"f": "# who\n\n" + tt.line}), signed(".sig", tt.signature)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestNotSigned(t *testing.T) {
	t.Parallel()
	_, key := sshKey(t)
	v := verifier(t, `{"ssh":["f"]}`, keys{"f": "alice " + key})
	if got := said(t, v, signed()); got != "UNSIGNED" {
		t.Error(got)
	}
	u := signed()
	u.Text = nil
	if _, err := v.Verify(t.Context(), u); err == nil {
		t.Error("an upload without its manifest's bytes is judged")
	}
	for _, rubbish := range []string{"", "\x00", "hello", strings.Repeat("\xff", 1000), "\x89\x02\x33", "\xc2\xff\xff\xff\xff\xff", "-----BEGIN PGP SIGNATURE-----\n"} {
		for _, suffix := range []string{".sig", ".asc", ".minisig"} {
			if got := said(t, v, signed(suffix, rubbish)); got != "SIGNATURE UNSIGNED" && !(got == "UNSIGNED") {
				t.Errorf("%q as %s: %s", rubbish, suffix, got)
			}
		}
	}
}

// Who may publish what, and how many have to sign.
func TestRules(t *testing.T) {
	t.Parallel()
	alice, aliceKey := sshKey(t)
	bob, bobKey := sshKey(t)
	k := keys{"f": "alice@example.org,!bob@example.org " + aliceKey + "*@example.com " + bobKey}
	byAlice, byBob := sshSign(t, alice, text, Namespace), sshSign(t, bob, text, Namespace)
	for settings, want := range map[string][3]string{
		`"need":1`: {"SIGNED+", "SIGNED+", "SIGNED+ SIGNED+"},
		`"need":2`: {"SIGNED+ UNSIGNED", "SIGNED+ UNSIGNED", "SIGNED+ SIGNED+"},
		`"sources":[{"source":"foo","signers":["alice@example.org"]}]`:                                        {"SIGNED+", "SIGNER UNSIGNED", "SIGNED+ SIGNER?"},
		`"sources":[{"source":"f*","signers":["*@example.org"]},{"source":"*","signers":["*"]}]`:              {"SIGNED+", "SIGNER UNSIGNED", "SIGNED+ SIGNER?"},
		`"sources":[{"source":"f*","signers":["bob@example.com"]}]`:                                           {"SIGNER UNSIGNED", "SIGNED+", "SIGNER? SIGNED+"},
		`"sources":[{"source":"f*","signers":["bob@example.org"]}]`:                                           {"SIGNER UNSIGNED", "SIGNER UNSIGNED", "SIGNER SIGNER UNSIGNED"},
		`"sources":[{"source":"bar","signers":["*"]}]`:                                                        {"SIGNER UNSIGNED", "SIGNER UNSIGNED", "SIGNER SIGNER UNSIGNED"},
		`"sources":[{"source":"foo","signers":[]},{"source":"*","signers":["alice@example.org"]}]`:            {"SIGNER UNSIGNED", "SIGNER UNSIGNED", "SIGNER SIGNER UNSIGNED"},
		`"need":2,"sources":[{"source":"foo","signers":["alice@example.org"]}]`:                               {"SIGNED+ UNSIGNED", "SIGNER UNSIGNED", "SIGNED+ SIGNER UNSIGNED"},
		`"need":2,"sources":[{"source":"foo","signers":["alice@example.org","eve","carol@example.com"]}]`:     {"SIGNED+ UNSIGNED", "SIGNED+ UNSIGNED", "SIGNED+ SIGNED+"},
		`"sources":[{"source":"foo","signers":["alice@*"]}]`:                                                  {"SIGNED+", "SIGNER UNSIGNED", "SIGNED+ SIGNER?"},
		`"sources":[{"source":"foo","signers":["*@example.com"]},{"source":"foo","signers":["alice@*.org"]}]`: {"SIGNER UNSIGNED", "SIGNER UNSIGNED", "SIGNER SIGNER UNSIGNED"},
	} {
		v := verifier(t, `{"ssh":["f"],`+settings+`}`, k)
		for i, signature := range []string{byAlice, byBob, byAlice + byBob} {
			if got := said(t, v, signed(".sig", signature)); got != want[i] {
				t.Errorf("%s, %d: %s, want %s", settings, i, got, want[i])
			}
		}
	}
	// Twice the same is one.
	if got := said(t, verifier(t, `{"ssh":["f"],"need":2}`, k), signed(".sig", byAlice+byAlice)); got != "SIGNED+ SIGNED+ UNSIGNED" {
		t.Error(got)
	}
}

// TestOneSignerManyKeys: nobody is two people by having two keys.
func TestOneSignerManyKeys(t *testing.T) {
	t.Parallel()
	old, oldKey := pgpKey(t, nil)
	now, newKey := pgpKey(t, nil)
	own, ownKey := sshKey(t)
	bob, bobKey := sshKey(t)
	mini, miniText := miniKey(t)
	v := verifier(t, fmt.Sprintf(`{"openpgp":["old","new"],"ssh":["s"],"minisign":[{"signer":"ALICE@example.org","key":%q}],"need":2}`, miniText),
		keys{"old": oldKey, "new": newKey, "s": "alice@example.org,!bob " + ownKey + "bob,!alice@example.org " + bobKey})
	alice := []string{".asc", pgpSign(t, old, text, nil) + pgpSign(t, now, text, nil), ".sig", sshSign(t, own, text, Namespace), ".minisig", string(minisign.Sign(mini, []byte(text)))}
	for n := 2; n <= len(alice); n += 2 {
		if got := said(t, v, signed(alice[:n]...)); !strings.HasSuffix(got, " UNSIGNED") || strings.Count(got, "SIGNED+") != n/2+1 {
			t.Errorf("alice alone: %s", got)
		}
	}
	alice[3] += sshSign(t, bob, text, Namespace)
	if got := said(t, v, signed(alice...)); strings.Contains(got, "UNSIGNED") || strings.Count(got, "SIGNED+") != 5 {
		t.Errorf("both: %s", got)
	}
}

func TestMinisign(t *testing.T) {
	t.Parallel()
	carol, key := miniKey(t)
	stranger, _ := miniKey(t)
	good := string(minisign.Sign(carol, []byte(text)))
	lines := strings.Split(good, "\n")
	lines[2] = "trusted comment: something else"
	for name, tt := range map[string]struct{ extra, signature, want string }{
		"good":          {"", good, "SIGNED+"},
		"line breaks":   {"", strings.ReplaceAll(good, "\n", "\r\n"), "SIGNED+"},
		"other bytes":   {"", string(minisign.Sign(carol, []byte("x"))), "SIGNED-OTHER UNSIGNED"},
		"other comment": {"", strings.Join(lines, "\n"), "SIGNED-OTHER UNSIGNED"},
		"stranger":      {"", string(minisign.Sign(stranger, []byte(text))), "SIGNER UNSIGNED"},
		"no longer":     {`,"valid-before":"20200101"`, good, "SIGN-KEY UNSIGNED"},
		"not yet":       {`,"valid-after":"20990101"`, good, "SIGN-KEY UNSIGNED"},
		"cut short":     {"", good[:len(good)/2], "SIGNATURE UNSIGNED"},
	} {
		v := verifier(t, fmt.Sprintf(`{"minisign":[{"signer":"carol","key":%q%s}]}`, key, tt.extra), nil)
		if got := said(t, v, signed(".minisig", tt.signature)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func at(t time.Time) *packet.Config { return &packet.Config{Time: func() time.Time { return t }} }

func TestOpenPGP(t *testing.T) {
	t.Parallel()
	now := time.Now()
	alice, key := pgpKey(t, at(now.Add(-time.Hour)))
	stranger, _ := pgpKey(t, nil)
	good := pgpSign(t, alice, text, nil)
	var armored strings.Builder
	w, err := armor.Encode(&armored, "PGP SIGNATURE", nil)
	check(t, err)
	_, err = w.Write([]byte(good))
	check(t, err)
	check(t, w.Close())
	var mode strings.Builder
	check(t, openpgp.DetachSignWithParams(&mode, []*openpgp.Entity{alice}, strings.NewReader(text), &openpgp.SignParams{TextSig: true}))
	for name, tt := range map[string]struct{ signature, want string }{
		"good":                     {good, "SIGNED+"},
		"armored":                  {armored.String(), "SIGNED+"},
		"armored twice":            {armored.String() + "\n" + armored.String(), "SIGNED+ SIGNED+"},
		"armored, cut short":       {armored.String()[:120], "SIGNATURE UNSIGNED"},
		"two packets":              {good + pgpSign(t, stranger, text, nil), "SIGNED+ SIGNER?"},
		"other bytes":              {pgpSign(t, alice, text+"x", nil), "SIGNED-OTHER UNSIGNED"},
		"stranger":                 {pgpSign(t, stranger, text, nil), "SIGNER UNSIGNED"},
		"expired":                  {pgpSign(t, alice, text, &packet.Config{SigLifetimeSecs: 60, Time: at(now.Add(-30 * time.Minute)).Time}), "SIGN-KEY UNSIGNED"},
		"from the future":          {pgpSign(t, alice, text, at(now.Add(time.Hour))), "SIGN-KEY UNSIGNED"},
		"cut short":                {good[:len(good)-3], "SIGNATURE UNSIGNED"},
		"a key is no signature":    {key, "SIGNATURE UNSIGNED"},
		"something behind it":      {good + key, "SIGNATURE UNSIGNED"},
		"text mode":                {mode.String(), "SIGNATURE UNSIGNED"},
		"more than anybody has":    {strings.Repeat(good, 40), "SIGNATURE UNSIGNED"},
		"one good, one over other": {good + pgpSign(t, alice, "x", nil), "SIGNED+ SIGNED-OTHER"},
	} {
		if got := said(t, verifier(t, `{"openpgp":["k"]}`, keys{"k": key}), signed(".asc", tt.signature)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A key that may not be used now counts for nothing, whatever date its holder has
// written into the signature.
func TestOpenPGPKeys(t *testing.T) {
	t.Parallel()
	now, then := time.Now(), time.Now().Add(-48*time.Hour)
	expired, key := pgpKey(t, &packet.Config{Time: at(then).Time, KeyLifetimeSecs: 3600})
	k := keys{"expired": key}
	revoked, _ := pgpKey(t, at(then))
	before := pgpSign(t, revoked, text, at(then.Add(time.Hour)))
	check(t, revoked.Revoke(packet.KeyCompromised, "lost", at(now.Add(-time.Hour))))
	k["revoked"] = pgpPublic(t, revoked)
	retired, _ := pgpKey(t, at(then))
	old := pgpSign(t, retired, text, at(then.Add(time.Hour)))
	check(t, retired.Revoke(packet.KeyRetired, "old", at(now.Add(-time.Hour))))
	k["retired"] = pgpPublic(t, retired)
	for name, signature := range map[string]string{
		"expired": pgpSign(t, expired, text, at(then.Add(time.Minute))), "revoked": before, "retired": old,
	} {
		if got := said(t, verifier(t, `{"openpgp":["`+name+`"]}`, k), signed(".sig", signature)); got != "SIGN-KEY UNSIGNED" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// All three kinds at once.
func TestMixture(t *testing.T) {
	t.Parallel()
	alice, aliceKey := pgpKey(t, nil)
	bob, bobKey := sshKey(t)
	carol, carolKey := miniKey(t)
	v := verifier(t, fmt.Sprintf(`{"openpgp":["a"],"ssh":["b"],"minisign":[{"signer":"carol","key":%q}],"need":3,
		"sources":[{"source":"*","signers":["alice@*","bob","carol"]}]}`, carolKey), keys{"a": aliceKey, "b": "bob " + bobKey})
	all := []string{".sig", sshSign(t, bob, text, Namespace), ".asc", pgpSign(t, alice, text, nil), ".minisig", string(minisign.Sign(carol, []byte(text)))}
	if got := said(t, v, signed(all...)); got != "SIGNED+ SIGNED+ SIGNED+" {
		t.Error(got)
	}
	if got := said(t, v, signed(all[:4]...)); got != "SIGNED+ SIGNED+ UNSIGNED" {
		t.Error(got)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	alice, aliceKey := pgpKey(t, nil)
	var secret strings.Builder
	check(t, alice.SerializePrivate(&secret, nil))
	_, line := sshKey(t)
	k := keys{"k": aliceKey, "secret": secret.String(), "none": "hello", "s": "a " + line,
		"s1": "alice", "s2": "alice ssh-ed25519 AAAA", "s3": "\"alice " + line, "s4": "alice cert-authority " + line, "s5": `alice valid-after="soon" ` + line,
		"s6": `alice valid-after="20210101",valid-before="20200101" ` + line, "s7": "[a " + line, "s8": "# nobody\n"}
	for settings, say := range map[string]string{
		``:                                       "there are no keys",
		`{"ssh":["s8"]}`:                         "there are no keys",
		`{"opengpg":["k"]}`:                      `"openpgp" may be meant`,
		`{"openpgp":["x"]}`:                      "openpgp: x: ",
		`{"openpgp":["none"]}`:                   "openpgp: none: ",
		`{"openpgp":["secret"]}`:                 "holds a secret key",
		`{"ssh":["s1"]}`:                         "line 1: is not: names, options, a key",
		`{"ssh":["s2"]}`:                         "line 1: after the names",
		`{"ssh":["s3"]}`:                         "line 1: a quote",
		`{"ssh":["s4"]}`:                         `the option "cert-authority" is not known`,
		`{"ssh":["s5"]}`:                         `valid-after: "soon" is not a time`,
		`{"ssh":["s6"]}`:                         "valid-after is not before valid-before",
		`{"ssh":["s7"]}`:                         "not a pattern",
		`{"ssh":["s"],"need":0}`:                 "need: 0",
		`{"ssh":["s"],"sources":[{}]}`:           "source:",
		`{"minisign":[{"key":"x"}]}`:             "signer:",
		`{"minisign":[{"signer":"c","key":""}]}`: "minisign: c: key: is not a public key",
	} {
		if _, err := New([]byte(settings), k.read); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", settings, err, say)
		}
	}
}

// Whatever somebody puts beside a manifest: an answer, no good one, no panic.
func FuzzSignatures(f *testing.F) {
	alice, aliceKey := pgpKey(f, nil)
	bob, bobKey := sshKey(f)
	carol, carolKey := miniKey(f)
	v := verifier(f, fmt.Sprintf(`{"openpgp":["a"],"ssh":["b"],"minisign":[{"signer":"carol","key":%q}]}`, carolKey), keys{"a": aliceKey, "b": "bob " + bobKey})
	for _, seed := range []string{"", pgpSign(f, alice, "x", nil), sshSign(f, bob, "x", Namespace), string(minisign.Sign(carol, []byte("x")))} {
		for i := range 3 {
			f.Add([]byte(seed), i)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, kind int) {
		u := signed()
		u.Signatures = []upload.Signature{{Name: upload.SignatureNames(name)[uint(kind)%3], Text: data}}
		if got := said(t, v, u); strings.Contains(got, "SIGNED+") || got == "" {
			t.Errorf("%q: %s", data, got)
		}
	})
}
