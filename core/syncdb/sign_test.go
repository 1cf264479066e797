package syncdb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// A repository whose databases are signed stays signed until somebody says otherwise; the
// links of the signatures come and go with them.
func TestSigned(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha10))
	if _, err := w.Lstat("demo.db.sig"); err == nil {
		t.Error("databases that nobody has signed have a signature's link")
	}
	w.setup(t, signed(beta))
	for _, file := range []string{"demo.db", "demo.files"} {
		text, err := fetch(w.Mem, file)
		must(err)
		signature, err := fetch(w.Mem, file+".sig")
		must(err)
		folder, err := w.Readlink("demo.current")
		must(err)
		at, err := w.Lstat(folder + "/" + file + ".tar.gz")
		must(err)
		if sig, err := w.Lstat(folder + "/" + file + ".tar.gz.sig"); err != nil || !sig.ModTime.Equal(at.ModTime) {
			t.Errorf("%s is dated %v, its signature %v: pacman would keep the old one", file, at.ModTime, sig.ModTime)
		}
		if want, _ := signInTests(t.Context(), bytes.NewReader(text)); !bytes.Equal(signature, want) {
			t.Errorf("%s.sig is %x", file, signature)
		}
	}
	if got := w.check(t, false); len(got) > 0 {
		t.Errorf("fsck finds %q", got)
	}
	before, err := judgeServed(w.Mem)
	must(err)
	if _, err := add(gamma)(w, w.Mem); report.KindOf(err) != report.KindUsage || report.CodeOf(err) != report.CodeSettings {
		t.Errorf("without a key: %v", err)
	}
	if after, err := judgeServed(w.Mem); err != nil || after != before {
		t.Errorf("without a key, something was published: %v", err)
	}
	out, err := w.run(w.Mem, Request{Add: w.sources(gamma), Options: Options{Sign: Unsigned}})
	if err != nil || out.Result != report.Published {
		t.Fatal(out, err)
	}
	if _, err := w.Lstat("demo.db.sig"); err == nil {
		t.Error("the signature's link is still there")
	}
}

// A key that does not sign, or not in a form that pacman takes, publishes nothing.
func TestSignerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the card is not there")
	for name, s := range map[string]Signer{
		"error": func(context.Context, io.Reader) ([]byte, error) { return nil, broken },
		"armor": func(context.Context, io.Reader) ([]byte, error) { return []byte("-----BEGIN"), nil },
		"empty": func(context.Context, io.Reader) ([]byte, error) { return []byte{}, nil },
		"larger": func(context.Context, io.Reader) ([]byte, error) {
			return slices.Repeat([]byte{0x88}, maxSignature+1), nil
		},
	} {
		w := newWorld()
		w.setup(t, add(alpha10))
		before, err := judgeServed(w.Mem)
		must(err)
		if _, err := w.run(w.Mem, Request{Add: w.sources(beta), Options: Options{Sign: s}}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after, err := judgeServed(w.Mem); err != nil || after != before || w.last().Number != 1 {
			t.Errorf("%s: something was published: %v", name, err)
		}
	}
}

// Of the older versions, as many stay as are asked for, however long ago they were
// replaced; fsck knows them, and a removal takes all of them.
func TestKeepOld(t *testing.T) {
	t.Parallel()
	w := newWorld()
	n := 1
	var names []string
	for _, v := range []string{"1-1", "2-1", "3-1", "4-1"} {
		name := "omega-" + v + "-any.pkg.tar.gz"
		w.put(name, made(infoOf("omega", v)))
		names = append(names, name)
	}
	publish := func(req Request) {
		t.Helper()
		req.KeepOld = &n
		if out, err := w.run(w.Mem, req); err != nil || report.Refused(out.Findings) {
			t.Fatal(out, err)
		}
		w.skip(80 * time.Hour)
	}
	there := func(want ...string) {
		t.Helper()
		var list []string
		for _, name := range names {
			if _, err := w.Lstat(name); err == nil {
				list = append(list, name)
			}
		}
		if !slices.Equal(list, want) {
			t.Errorf("there are %q, want %q", list, want)
		}
	}
	for _, name := range names {
		publish(Request{Add: w.sources(name)})
	}
	publish(Request{Add: w.sources(alpha10)})
	there(names[2:]...)
	if got := w.check(t, false); len(got) > 0 {
		t.Errorf("fsck finds %q", got)
	}
	// What somebody has copied there himself is his, be it newer or older.
	var strangers []string
	for _, v := range []string{"0-1", "3-2", "9-1"} {
		name := "omega-" + v + "-any.pkg.tar.gz"
		must(vfs.CreateSynced(w.Mem, name, 0o644, []byte("somebody's")))
		strangers = append(strangers, name)
	}
	defer func() {
		for _, name := range strangers {
			if _, err := w.Lstat(name); err != nil {
				t.Error(err)
			}
		}
	}()
	// The undo brings back what no grace time would have kept; what it takes out goes.
	r, err := w.open(w.Mem)
	must(err)
	if out, err := Undo(t.Context(), r, UndoRequest{Generation: 4, Options: Options{KeepOld: &n, LockWait: time.Minute}}); err != nil || out.Result != report.Undone {
		t.Fatal(out, err)
	}
	w.skip(80 * time.Hour)
	publish(Request{Add: w.sources(beta)})
	there(names[2])
	publish(Request{Add: w.sources(names[3])})
	publish(Request{Remove: []string{"omega"}})
	publish(Request{Add: w.sources(gamma)})
	there()
}
