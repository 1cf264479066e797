package server

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/vfs"
)

const recorded = "../../testdata/tupkg"

// recordedUsers are those of the recorded server: who it let in, and who was suspended.
func recordedUsers() *access.Authenticator {
	return access.NewAuthenticator(recordedFile(), access.Stamp{}, access.Options{})
}

// recordedFile is hashed once.
var recordedFile = sync.OnceValue(func() *access.File {
	hash, err := access.NewHash(access.NewSecret("B0b"))
	if err != nil {
		panic(err)
	}
	f := access.New("users")
	for _, name := range []string{bfinch, "suspended@example.net"} {
		right, err := access.ParseRight("*")
		if err != nil {
			panic(err)
		}
		if f, err = f.Add(name, hash, []access.Right{right}); err != nil {
			panic(err)
		}
	}
	if f, err = f.SetSuspended("suspended@example.net", true); err != nil {
		panic(err)
	}
	return f
})

// recordedSession is one session of the historical programs, or of the document's
// double.
type recordedSession struct {
	name   string
	code   bool
	c2s    []byte
	server []string
	// login and metadata are the client's messages, data what follows them but the ack.
	login, metadata string
	data            []byte
	ack             bool
}

func readRecorded(t testing.TB) []recordedSession {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(recorded, "*.c2s.bin"))
	if err != nil || len(paths) != 24 {
		t.Fatalf("%d recordings, %v", len(paths), err)
	}
	var all []recordedSession
	for _, p := range paths {
		c2s, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s2c, err := os.ReadFile(strings.Replace(p, ".c2s.", ".s2c.", 1))
		if err != nil {
			t.Fatal(err)
		}
		r := recordedSession{name: strings.TrimSuffix(filepath.Base(p), ".c2s.bin"), c2s: c2s, server: frames(s2c)}
		r.code = r.name[0] == '0'
		said := frames(c2s)
		r.login = said[0]
		if len(r.server) > 1 {
			r.metadata = said[1]
			r.data = c2s[4+len(r.login)+len(r.metadata):]
			r.data, r.ack = cutSuffix(r.data, string(frame("ack")))
		}
		all = append(all, r)
	}
	return all
}

func cutSuffix(data []byte, suffix string) ([]byte, bool) {
	text, found := strings.CutSuffix(string(data), suffix)
	return []byte(text), found
}

// keys are what a message means: its keys and values, whatever their order.
func keys(t testing.TB, message string, code bool) map[string]string {
	t.Helper()
	all := map[string]string{}
	for part := range strings.SplitSeq(message, "&") {
		key, value, ok := strings.Cut(part, "=")
		if code {
			var err error
			if value, err = url.QueryUnescape(value); err != nil {
				t.Errorf("%q: %v", message, err)
			}
		}
		if _, twice := all[key]; twice || !ok {
			t.Errorf("%q: the key %q", message, key)
		}
		all[key] = value
	}
	return all
}

// held is what the recorded server had already, as a number of bytes of the data of all
// files.
func (r recordedSession) held(t testing.TB) int {
	t.Helper()
	n := 0
	if len(r.server) > 1 {
		for key, value := range keys(t, r.server[1], r.code) {
			if strings.HasPrefix(key, "size") {
				size, err := strconv.Atoi(value)
				if err != nil {
					t.Fatal(err)
				}
				n += size
			}
		}
	}
	return n
}

// files are the declared files with their bytes, in the order of the declaration.
func (r recordedSession) files(t testing.TB) (names []string, content [][]byte) {
	t.Helper()
	meta := keys(t, r.metadata, r.code)
	for i := range 20 {
		name, there := meta[fmt.Sprint("name", i)]
		if !there {
			continue
		}
		// Module archives take no ':' in a file's name.
		data, err := os.ReadFile(filepath.Join(recorded, "files", strings.ReplaceAll(name, ":", "%3A")))
		if err != nil {
			t.Fatal(err)
		}
		names, content = append(names, name), append(content, data)
	}
	return names, content
}

// prepare brings the server to where the recorded one was: by an earlier session of the
// same client that was cut.
func (r recordedSession) prepare(t testing.TB, w *world) {
	t.Helper()
	switch r.name[:3] {
	case "03b", "03c":
		// Bytes of another file of that name and, in 03b, of that size.
		other := strings.Replace(r.metadata, "md5sum0=", "md5sum0=00", 1)
		other = other[:strings.LastIndex(other, "md5sum0=")+len("md5sum0=")+32] + other[strings.LastIndex(other, "md5sum0=")+len("md5sum0=")+34:]
		w.conversation(t, append(frame(r.login, other), strings.Repeat("f", 1000)...), 2)
		return
	}
	if n := r.held(t); n > 0 {
		_, content := r.files(t)
		w.conversation(t, append(frame(r.login, r.metadata), slices.Concat(content...)[:n]...), 2)
	}
}

// TestReplaysRecordedSessions has each recorded session byte by byte with the real
// server, which has to mean the same and to keep the same.
func TestReplaysRecordedSessions(t *testing.T) {
	t.Parallel()
	// Once a run, not once a process: the logins that fail here count.
	template, users := newDisk(t, arch), recordedUsers()
	for _, r := range readRecorded(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := worldOn(t, template.Clone(), users)
			r.prepare(t, w)
			said, want := r.c2s, slices.Clone(r.server)
			switch r.name[:3] {
			case "03b", "03c":
				// A partial of other content is not continued: all is asked for, and passes.
				_, content := r.files(t)
				said = slices.Concat(frame(r.login, r.metadata), content[0], frame("ack"))
				want[1], want[2] = "numpkgs=1&name0=p1.pkg.tar.gz&size0=0", "numpkgs=1&md5sum0=PASS"
			case "04f":
				want[0] = "result=FAIL"
			}
			stop := 0
			if len(r.server) == 2 {
				stop = 2
			}
			got := w.conversation(t, said, stop)
			if len(got) != len(want) {
				t.Fatalf("answers %q, want %q", got, want)
			}
			for i := range want {
				if g, w := keys(t, got[i], r.code), keys(t, want[i], r.code); !maps.Equal(g, w) {
					t.Errorf("message %d:\n got %v\nwant %v", i, g, w)
				}
			}
			r.checkKept(t, w, want)
		})
	}
}

// checkKept: what passed is in the user's area with the right bytes, what failed is
// gone, and what was cut is kept to the last byte.
func (r recordedSession) checkKept(t *testing.T, w *world, answers []string) {
	t.Helper()
	stored := w.stored(t, bfinch)
	partial := 0
	for _, name := range w.files(t, "partial") {
		text, err := vfs.ReadFile(w.disk, w.path("partial", name), 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Trim(string(text), "f") != "" {
			partial += len(text)
		}
	}
	if len(answers) < 3 {
		whole := 0
		for _, hashes := range stored {
			whole += len(hashes)
		}
		if len(answers) == 1 && partial+whole > 0 {
			t.Error("something is kept of who was not let in")
		}
		return
	}
	names, content := r.files(t)
	results := keys(t, answers[2], r.code)
	for i, name := range names {
		key := fmt.Sprint("m", i+1)
		if r.code {
			key = fmt.Sprint("md5sum", i)
		}
		pass := results[key] == "PASS"
		if is := slices.Contains(stored[name], sha256Of(content[i])); is != pass || !pass && len(stored[name]) > 0 {
			t.Errorf("%s: %s, stored %q", name, results[key], stored[name])
		}
	}
	if partial > 0 {
		t.Errorf("%d bytes of finished files are left", partial)
	}
}

// TestReplaysCutSessions: after the recorded cuts, the server offers each byte that it
// was sent (the historical one kept whole steps of 1,024).
func TestReplaysCutSessions(t *testing.T) {
	t.Parallel()
	template := newDisk(t, arch)
	for _, r := range readRecorded(t) {
		if r.ack || len(r.server) < 2 {
			continue
		}
		w := worldOn(t, template.Clone(), recordedUsers())
		client, done := w.dial(t)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if _, err := client.Write(r.c2s); err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
		done()
		answer := w.conversation(t, frame(r.login, r.metadata), 2)
		again := recordedSession{code: r.code, server: answer}
		if got := again.held(t); got != len(r.data) {
			t.Errorf("%s: %d bytes were sent, %d are offered", r.name, len(r.data), got)
		}
	}
}
