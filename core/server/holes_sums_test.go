package server

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// collision is the pair of Wang, Feng, Lai and Yu (2004): two messages of 128 bytes
// with one MD5.
func collision(t *testing.T) (a, b []byte) {
	t.Helper()
	a, err := hex.DecodeString("d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89" +
		"55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b" +
		"d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
		"e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70")
	if err != nil {
		t.Fatal(err)
	}
	b = slices.Clone(a)
	for _, i := range []int{19, 45, 59, 83, 109, 123} {
		b[i] ^= 0x80
	}
	if md5Of(a) != md5Of(b) || bytes.Equal(a, b) {
		t.Fatalf("no collision: %s and %s", md5Of(a), md5Of(b))
	}
	return a, b
}

// TestHoleMD5Collisions: the other one of a colliding pair was accepted and published.
// Here a manifest names SHA-256: MD5 only says that the bytes arrived.
func TestHoleMD5Collisions(t *testing.T) {
	t.Parallel()
	a, b := collision(t)
	// The pair as the source tarball of an upload whose manifest names a.
	u := mpktest.Upload{Name: "foo", Version: "1.0"}
	u.Packages = []mpktest.Package{{SrcSHA256: sha256Of(a)}}
	list := u.Build()
	manifest := strings.NewReplacer(list.Source.SHA256, sha256Of(a), fmt.Sprintf("size: %d", list.Source.Size), "size: 128").Replace(string(list.Manifest.Data))
	source := func(data []byte) mpktest.File { return mpktest.File{Name: list.Source.Name, Data: data} }
	rest := []mpktest.File{list.Packages[0].File, {Name: list.Manifest.Name, Data: []byte(manifest)}}
	// The pair's other one passes its MD5 and is no part of the upload.
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	r, err := w.v1(t, bfinch, tupkg.Document, append([]mpktest.File{source(b)}, rest...)...)
	if err != nil || !r.Files[0].Pass || r.Files[2].Pass || !strings.Contains(r.Reason, "has not arrived") {
		t.Errorf("version 1: %+v %s %v", r.Files, r.Reason, err)
	}
	if got := w.published(t); len(got) > 0 {
		t.Errorf("published %q", got)
	}
	// In version 2 it cannot even be declared as the other.
	file := wire([]mpktest.File{source(b)})
	file[0].SHA256 = sha256Of(a)
	client, done := w.dial(t)
	c, err := tupkg.Connect(t.Context(), client, tupkg.ConnectOptions{Options: quick(), Credentials: credentials("other")})
	if err != nil {
		t.Fatal(err)
	}
	r, err = c.Push(t.Context(), tupkg.Set{Files: file})
	_ = c.Close()
	done()
	if err != nil || r.Pass() || !hasCode(r.Report, report.CodeHash) {
		t.Errorf("version 2: %+v %v", r.Report, err)
	}
	// The one that the manifest names is taken beside it, and what is published is it.
	r, err = w.v2(t, bfinch, tupkg.Set{}, append([]mpktest.File{source(a)}, rest...)...)
	mustPass(t, r, err)
	if got, err := shelves(w.disk); err != nil || len(got) != 1 {
		t.Errorf("published %q, %v", got, err)
	}
	// A partial of one is not continued by the other for another user.
	half, done2 := w.dial(t)
	go func() { _, _ = io.Copy(io.Discard, half) }()
	if _, err := half.Write(append(frame("username=other&password=B0b%2B50%25", declared(false, [3]string{"x", "128", md5Of(a)})), a[:64]...)); err != nil {
		t.Fatal(err)
	}
	_ = half.Close()
	done2()
	if r, err := w.v1(t, "librarian", tupkg.Document, mpktest.File{Name: "x", Data: b}); err != nil || r.Skipped != 0 || !r.Pass() {
		t.Errorf("another user's half: %+v %v", r, err)
	}
	// The same user's is, and the result says what became of it.
	r, err = w.v1(t, "other", tupkg.Document, mpktest.File{Name: "x", Data: b})
	if err != nil {
		t.Fatal(err)
	}
	for _, sha := range w.stored(t, "other")["x"] {
		if r.Files[0].Pass && sha != sha256Of(a) && sha != sha256Of(b) {
			t.Errorf("a mixture of both passed: %s", sha)
		}
	}
}

// TestHolePasswordStorage: passwords lay in the clear or as unsalted MD5.
func TestHolePasswordStorage(t *testing.T) {
	t.Parallel()
	f := usersFile()
	text := string(f.Bytes())
	for what, secret := range map[string]string{"the password": password, "its MD5": md5Of([]byte(password)), "its SHA-256": sha256Of([]byte(password))} {
		if strings.Contains(text, secret) {
			t.Errorf("the users file has %s", what)
		}
	}
	second, err := access.NewHash(access.NewSecret(password))
	if err != nil {
		t.Fatal(err)
	}
	added, err := f.Add("twin", second, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(added.Bytes()), "\n")
	if twin := lines[len(lines)-2]; strings.Contains(text, strings.Fields(strings.TrimPrefix(twin, "twin:"))[0]) {
		t.Error("equal passwords have equal hashes")
	}
	for what, hash := range map[string]string{
		"clear": password, "MD5": md5Of([]byte(password)), "MD5 of htpasswd": "$apr1$x$0123456789012345678901", "SHA-1": "{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=", "nothing": "",
	} {
		if _, err := access.Parse("users", []byte("bob:"+hash+" rights=*\n")); err == nil {
			t.Errorf("a users file with %s is taken", what)
		} else if hash != "" && strings.Contains(err.Error(), hash) {
			t.Errorf("the message about %s has it: %v", what, err)
		}
	}
	// What a server writes has none of it either.
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	r, err := w.v1(t, bfinch, tupkg.Document, built("foo", "1.0")...)
	mustPass(t, r, err)
	for _, dir := range []string{"partial", "area", "refused"} {
		for _, name := range w.files(t, dir) {
			if strings.Contains(name, password) {
				t.Errorf("%s is the name of a file", name)
			}
		}
	}
	if strings.Contains(w.log.String(), password) {
		t.Error("the password is in the log")
	}
}

// TestSentIsBounded: what is kept against that hole is little, and expires.
func TestSentIsBounded(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	user := w.path("sent", bfinch)
	if err := w.makeFolder(user); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxSent {
		if err := w.writeSent(fmt.Sprintf("%s/%03d", user, i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.trimSent(user); err != nil || len(w.files(t, "sent")) != maxSent {
		t.Errorf("%v, %d are kept", err, len(w.files(t, "sent")))
	}
	w.skip = 8 * 24 * time.Hour
	if err := w.Sweep(t.Context()); err != nil || len(w.files(t, "sent")) > 0 {
		t.Errorf("%v: %q", err, w.files(t, "sent"))
	}
}
