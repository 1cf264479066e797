package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// TestHoleStalledSessionAppends: an old session that woke up appended to a file that a
// newer one had completed and verified. Here it is told to go, and what it still sends
// is nobody's.
func TestHoleStalledSessionAppends(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	data := []byte(strings.Repeat("genuine.", 1000))
	login := "username=" + bfinch + "&password=B0b%2B50%25&why=1"
	decl := declared(false, [3]string{"a", fmt.Sprint(len(data)), md5Of(data)})
	old, oldDone := w.dial(t)
	answers := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(old)
		answers <- all
	}()
	if _, err := old.Write(slices.Concat(frame(login, decl), data[:100])); err != nil {
		t.Fatal(err)
	}
	r, err := w.v1(t, bfinch, tupkg.Document, mpktest.File{Name: "a", Data: data})
	mustPass(t, r, err)
	if r.Skipped != 100 {
		t.Errorf("%d bytes of the stalled session are offered, want 100", r.Skipped)
	}
	before := w.stored(t, bfinch)
	// The server has let the old session go, or reads what it says and throws it away.
	_, _ = old.Write(bytes.Repeat([]byte("x"), len(data)))
	_ = old.Close()
	oldDone()
	if said := string(<-answers); !strings.Contains(said, "np=1&m1=FAIL") || !strings.Contains(said, "newer") {
		t.Errorf("the old session heard %q", said)
	}
	after := w.stored(t, bfinch)
	if fmt.Sprint(after) != fmt.Sprint(before) || !slices.Equal(after["a"], []string{sha256Of(data)}) || len(w.files(t, "partial")) > 0 {
		t.Errorf("stored %v, then %v; partial %q", before, after, w.files(t, "partial"))
	}
}

// TestHoleTwoWritersOnOneName: two sessions that sent one name at once corrupted it.
func TestHoleTwoWritersOnOneName(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	addr, stop := w.listen(t)
	const writers = 12
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			// Three contents of one name and size, by two users in both versions.
			file := mpktest.File{Name: "one name", Data: []byte(strings.Repeat(fmt.Sprint(i%3), 200_000))}
			user := []string{bfinch, "other"}[i%2]
			for attempt := 0; ; attempt++ {
				r, err := pushTCP(addr, user, i%4 < 2, file)
				if err == nil && r.Pass() {
					return
				}
				// Whoever was taken over tries again, as clients do.
				if attempt > 100 || err != nil && !strings.Contains(err.Error(), "newer session") && !strings.Contains(err.Error(), "FAIL") {
					t.Errorf("writer %d: %+v %v", i, r.Files, err)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	for _, user := range []string{bfinch, "other"} {
		if got := w.stored(t, user)["one name"]; len(got) != 3 {
			t.Errorf("%s: %d contents, want 3", user, len(got))
		}
	}
	if left := w.files(t, "partial"); len(left) > 0 {
		t.Errorf("partial: %q", left)
	}
}

// pushTCP sends files to a listening server.
func pushTCP(addr, user string, version2 bool, files ...mpktest.File) (tupkg.Result, error) {
	conn, err := dialTCP(addr)
	if err != nil {
		return tupkg.Result{}, err
	}
	if !version2 {
		return tupkg.Upload(context.Background(), conn, wire(files), tupkg.UploadOptions{Credentials: credentials(user), WantReason: true})
	}
	c, err := tupkg.Connect(context.Background(), conn, tupkg.ConnectOptions{Credentials: credentials(user)})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	return c.Push(context.Background(), setOf(tupkg.Set{}, files))
}

// TestHoleSameNameReplacesAVerifiedPackage: the same name again, even with a wrong MD5,
// replaced or deleted a verified package.
func TestHoleSameNameReplacesAVerifiedPackage(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	verified, other := []byte("the verified package"), []byte("another package of that name")
	r, err := w.v1(t, bfinch, tupkg.Document, mpktest.File{Name: "p1.pkg.tar.gz", Data: verified})
	mustPass(t, r, err)
	// With a wrong MD5, twice.
	for range 2 {
		got := w.conversation(t, slices.Concat(frame("username="+bfinch+"&password=B0b%2B50%25", declared(true, [3]string{"p1.pkg.tar.gz", fmt.Sprint(len(other)), wrongMD5})), other, frame("ack")), 0)
		if len(got) != 3 || got[2] != "numpkgs=1&md5sum0=FAIL" {
			t.Fatalf("%q", got)
		}
		if stored := w.stored(t, bfinch)["p1.pkg.tar.gz"]; !slices.Equal(stored, []string{sha256Of(verified)}) {
			t.Errorf("stored %q", stored)
		}
	}
	// With its own MD5: both are there.
	for _, version2 := range []bool{false, true} {
		send := func() (tupkg.Result, error) {
			return w.v1(t, bfinch, tupkg.HistoricalCode, mpktest.File{Name: "p1.pkg.tar.gz", Data: other})
		}
		if version2 {
			send = func() (tupkg.Result, error) {
				return w.v2(t, bfinch, tupkg.Set{}, mpktest.File{Name: "p1.pkg.tar.gz", Data: other})
			}
		}
		r, err := send()
		mustPass(t, r, err)
	}
	if got, want := sorted(w.stored(t, bfinch)["p1.pkg.tar.gz"]), sorted([]string{sha256Of(verified), sha256Of(other)}); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	// A published one is not replaced either: other bytes under its name are a conflict.
	r, err = w.v1(t, bfinch, tupkg.Document, built("foo", "1.0")...)
	mustPass(t, r, err)
	before := mustShelves(t, w.disk)
	again := mpktest.Upload{Name: "foo", Version: "1.0", Salt: "other bytes"}.Build().Files()
	r, err = w.v1(t, bfinch, tupkg.Document, again...)
	if err != nil || r.Pass() || !strings.Contains(r.Reason, string(report.CodeConflict)) {
		t.Errorf("version 1: %+v %s %v", r.Files, r.Reason, err)
	}
	r, err = w.v2(t, bfinch, tupkg.Set{}, again...)
	if err != nil || r.Pass() || !hasCode(r.Report, report.CodeConflict) {
		t.Errorf("version 2: %+v %v", r.Report, err)
	}
	if after := mustShelves(t, w.disk); !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
}

// TestHoleDisconnectBeforeTheResult: it published, and the client began again at 0.
// Here the upload is judged without its client too, and the next session is told so
// without a byte of data.
func TestHoleDisconnectBeforeTheResult(t *testing.T) {
	t.Parallel()
	for _, d := range []tupkg.Dialect{tupkg.Document, tupkg.HistoricalCode} {
		w := worldOn(t, newDisk(t, arch), sharedUsers())
		files := built("foo", "1.0")
		var list [][3]string
		var data []byte
		for _, f := range files {
			list = append(list, [3]string{f.Name, fmt.Sprint(len(f.Data)), md5Of(f.Data)})
			data = append(data, f.Data...)
		}
		said := slices.Concat(frame("username="+bfinch+"&password=B0b%2B50%25", declared(d == tupkg.HistoricalCode, list...)), data)
		client, done := w.dial(t)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if _, err := client.Write(said); err != nil {
			t.Fatal(err)
		}
		_ = client.Close() // every byte is there, and nobody reads the result
		done()
		if got := w.published(t); len(got) != 1 {
			t.Errorf("%s: published %q", d, got)
		}
		r, err := w.v1(t, bfinch, d, files...)
		mustPass(t, r, err)
		if r.Sent > 0 {
			t.Errorf("%s: %d of %d bytes are sent again", d, r.Sent, len(data))
		}
		if r, err := w.v1(t, "other", d, files...); err != nil || r.Skipped > 0 || !r.Pass() {
			t.Errorf("%s: somebody else is offered %d bytes: %v", d, r.Skipped, err)
		}
		r, err = w.v2(t, bfinch, tupkg.Set{}, files...)
		if mustPass(t, r, err); r.Report.Result != report.Unchanged || r.Sent > int64(len(files[len(files)-1].Data)) {
			t.Errorf("%s: %s, %d bytes sent again", d, r.Report.Result, r.Sent)
		}
	}
}
