package server

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
)

// FuzzServer is a whole session of arbitrary bytes, from the first one or behind a
// login of either version. It ends; nothing is published, and nothing is written but
// this user's files, no more bytes than came, each whole one under its own hash; nothing
// stays reserved or claimed.
func FuzzServer(f *testing.F) {
	for _, r := range readRecorded(f) {
		f.Add(byte(0), r.c2s)
		if len(r.server) > 1 {
			f.Add(byte(1), r.c2s[2+len(r.login):])
		}
	}
	f.Add(byte(0), []byte("\x00\x00"))
	f.Add(byte(0), []byte("\xff\xffGET / HTTP/1.1"))
	sha := sha256Of([]byte("abc"))
	upload := func(id int, more string) []byte {
		return frame2('U', fmt.Appendf(nil, `{"id":%d,"files":[{"name":"a","size":3,"sha256":"%s"}]%s}`, id, sha, more))
	}
	data := func(id byte, text string) []byte {
		return frame2('D', append([]byte{0, 0, 0, id, 0, 0, 0, 0}, text...))
	}
	manifest := built("foo", "1.0")
	for _, said := range [][]byte{
		upload(1, ""), slices.Concat(upload(1, ""), data(1, "abc")), slices.Concat(upload(1, ""), data(1, "ab"), data(1, "c"), upload(2, ""), upload(3, `,"dry_run":true`)),
		slices.Concat(upload(1, ""), data(1, "xyz")), slices.Concat(upload(1, ""), data(1, "a"), frame2('C', []byte(`{"id":1}`)), upload(2, ""), data(2, "bc")),
		slices.Concat(upload(1, ""), data(1, "abcdef")), slices.Concat(upload(5, ""), data(1, "abc"), upload(5, "")), frame2('L', []byte(`{"user":"x","password":"y"}`)),
		frame2('U', fmt.Appendf(nil, `{"id":1,"files":[{"name":%q,"size":%d,"sha256":"%s"}],"manifest":"aGVsbG8=","manifest_file":0,"rebuild":true}`, manifest[2].Name, len(manifest[2].Data), manifest[2].SHA256)),
	} {
		f.Add(byte(2), said)
	}
	template := newDisk(f, arch)
	before, err := template.ReadDir(".")
	if err != nil {
		f.Fatal(err)
	}
	// Logging in by a token costs no hash: what is looked for is behind the login.
	file, err := access.Parse("users", []byte(bfinch+":- rights=*\n"))
	if err != nil {
		f.Fatal(err)
	}
	file, _, secret, err := file.AddToken(bfinch, "", time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	users, token := access.NewAuthenticator(file, access.Stamp{}, access.Options{}), secret.Reveal()
	f.Fuzz(func(t *testing.T, login byte, said []byte) {
		w := worldOn(t, template.Clone(), users)
		switch login % 3 {
		case 1:
			said = append(frame("username="+bfinch+"&password="+token), said...)
		case 2:
			said = append(frame("username="+bfinch+"&tupkg=2&password="+token), said...)
		}
		client, done := w.dial(t)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		began := time.Now()
		_, _ = client.Write(said)
		_ = client.Close()
		done()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		w.sound(t, len(before), len(said))
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// sound looks for anything that a session should not have left behind.
func (w *world) sound(t *testing.T, entries, said int) {
	t.Helper()
	if got := mustShelves(t, w.disk); len(got) > 0 {
		t.Errorf("published: %q", got)
	}
	if list, err := w.disk.ReadDir("."); err != nil || len(list) != entries {
		t.Errorf("the repository has other entries: %v %v", list, err)
	}
	w.stored(t, bfinch)
	var bytes int64
	for _, kind := range []string{"partial", "area"} {
		for _, name := range w.files(t, kind) {
			if !strings.HasPrefix(name, bfinch+"/") {
				t.Errorf("%s/%s is nobody's", kind, name)
			}
		}
		if err := w.walk(w.path(kind), 3, func(n int64) { bytes += n }); err != nil {
			t.Error(err)
		}
	}
	if bytes > int64(said) {
		t.Errorf("%d bytes are kept of %d", bytes, said)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reserved != 0 || len(w.accounts) > 0 || len(w.conns) > 0 {
		t.Errorf("left: %d bytes reserved, %d accounts, %d connections", w.reserved, len(w.accounts), len(w.conns))
	}
	for _, name := range w.files(t, "live") {
		if strings.Contains(name, "/claims/") {
			t.Errorf("%s is still claimed", name)
		}
	}
	if log := w.log.String(); strings.Contains(log, "msg=defect") {
		t.Error(log)
	}
}
