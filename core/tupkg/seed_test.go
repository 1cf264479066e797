package tupkg

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
)

func errorsAre(err error, targets ...error) bool {
	for _, t := range targets {
		if !errors.Is(err, t) {
			return false
		}
	}
	return err != nil
}

// The session of the protocol's document, byte for byte where it prints bytes: a login
// of length 0x0028, two files with shortened MD5s and a line broken before name2, the
// first of which the server has 119 bytes of.
func TestDocumentSession(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	first := bytes.Repeat([]byte("x"), 123)
	h.store[storeKey(testUser, Declared{Name: "p1.pkg.tar.gz", Size: 123, MD5: "abcd"})] = first[:119]
	said := slices.Concat(
		[]byte("\x00\x28username=bfinch@example.net&password=B0b"),
		framed("numpkgs=2&name1=p1.pkg.tar.gz&size1=123&md5sum1=abcd\\\n        name2=p2.pkg.tar.gz&size2=3&md5sum2=def1"),
		first[119:], []byte("abc"),
		[]byte("\x00\x03ack"),
	)
	got, err := serveBytes(t, h, said)
	want := string(framed(passed, "numpkgs=2&name1=p1.pkg.tar.gz&size1=119&name2=p2.pkg.tar.gz&size2=0", "np=2&m1=FAIL&m2=FAIL"))
	if err != nil || got != want {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}
	if h.received != 7 {
		t.Errorf("%d bytes received, want 4 + 3", h.received)
	}
}

// The same with real MD5s: the answers are the document's own.
func TestDocumentSessionPasses(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	first := make([]byte, 123)
	_, _ = rand.Read(first)
	h.store[storeKey(testUser, Declared{Name: "p1.pkg.tar.gz", Size: 123, MD5: md5Of(first)})] = first[:119]
	for _, glue := range []string{"&", "&\\\n        ", "\\\n        ", " ", "\t", ""} {
		said := slices.Concat(
			framed(loginOK, "numpkgs=2&name1=p1.pkg.tar.gz&size1=123&md5sum1="+md5Of(first)+glue+"name2=p2.pkg.tar.gz&size2=3&md5sum2="+md5Of(nil)),
			first[len(h.content("p1.pkg.tar.gz")):], []byte("abc"), framed("ack"))
		got, err := serveBytes(t, h, said)
		if messages := frames(t, []byte(got)); err != nil || len(messages) != 3 || messages[2] != "np=2&m1=PASS&m2=FAIL" {
			t.Errorf("with %q before name2: %v, %q", glue, err, messages)
		}
	}
}

// The client sends the document's login as the document prints it.
func TestDocumentLogin(t *testing.T) {
	t.Parallel()
	conn := connOf(framed(failed))
	_, err := Upload(t.Context(), conn, nil, uploadOptions(Document))
	if want := "\x00\x28username=bfinch@example.net&password=B0b"; conn.out.String() != want || !errors.Is(err, ErrLogin) {
		t.Errorf("%q, %v", conn.out.String(), err)
	}
}

// The client's side of the document's session, byte for byte: the server has 119 of
// 123 bytes of the first file and nothing of the second.
func TestDocumentSessionOfTheClient(t *testing.T) {
	t.Parallel()
	first, second := bytes.Repeat([]byte("x"), 123), []byte("abc")
	conn := connOf(framed(passed, "numpkgs=2&name1=p1.pkg.tar.gz&size1=119&name2=p2.pkg.tar.gz&size2=0", "np=2&m1=PASS&m2=FAIL"))
	r, err := Upload(t.Context(), conn, []File{fileOf("p1.pkg.tar.gz", first), fileOf("p2.pkg.tar.gz", second)}, uploadOptions(Document))
	want := slices.Concat(
		[]byte("\x00\x28username=bfinch@example.net&password=B0b"),
		framed("numpkgs=2&name1=p1.pkg.tar.gz&size1=123&md5sum1="+md5Of(first)+"&name2=p2.pkg.tar.gz&size2=3&md5sum2="+md5Of(second)),
		first[119:], second,
		[]byte("\x00\x03ack"),
	)
	if err != nil || conn.out.String() != string(want) {
		t.Errorf("%v\n said %q\nwant %q", err, conn.out.String(), want)
	}
	if len(r.Files) != 2 || !r.Files[0].Pass || r.Files[1].Pass || r.Sent != 7 || r.Skipped != 119 {
		t.Errorf("%+v", r)
	}
}
