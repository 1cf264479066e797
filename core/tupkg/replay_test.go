package tupkg

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const corpus = "../../testdata/tupkg"

// recording is one recorded session, taken apart.
type recording struct {
	name     string
	c2s, s2c []byte
	// client and server are the messages of each side, data the file data.
	client, server []string
	data           []byte
	ack            bool
	dialect        Dialect
}

func readRecording(t testing.TB, path string) recording {
	t.Helper()
	r := recording{name: strings.TrimSuffix(filepath.Base(path), ".c2s.bin")}
	r.c2s, r.s2c = readFile(t, path), readFile(t, strings.Replace(path, ".c2s.", ".s2c.", 1))
	if strings.HasPrefix(r.name, "0") {
		r.dialect = HistoricalCode
	}
	rest := bytes.NewReader(r.s2c)
	for rest.Len() > 0 {
		body, err := readFrame(rest, MaxMessage)
		if err != nil {
			t.Fatal(r.name, err)
		}
		r.server = append(r.server, string(body))
	}
	rest = bytes.NewReader(r.c2s)
	for range min(2, len(r.server)) {
		body, err := readFrame(rest, MaxMessage)
		if err != nil {
			t.Fatal(r.name, err)
		}
		r.client = append(r.client, string(body))
	}
	r.data, _ = io.ReadAll(rest)
	if r.ack = len(r.server) == 3; r.ack {
		cut, ok := bytes.CutSuffix(r.data, []byte("\x00\x03ack"))
		if !ok {
			t.Fatal(r.name, "no ack at the end")
		}
		r.data = cut
	}
	return r
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func recordings(t testing.TB) []recording {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus, "*.c2s.bin"))
	if err != nil || len(paths) != 24 {
		t.Fatalf("%d recordings, %v", len(paths), err)
	}
	var all []recording
	for _, p := range paths {
		all = append(all, readRecording(t, p))
	}
	return all
}

// meaning is a server's message as key and value; the order means nothing.
func meaning(t *testing.T, body string, d Dialect) map[string]string {
	t.Helper()
	m, err := parseMessage([]byte(body), 1000, MaxMessage)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range m.raw {
		m.raw[key] = d.unescape(value)
	}
	return m.raw
}

// inputs are the files of a recording's declaration, with the MD5 that it declares.
func (r recording) inputs(t *testing.T) []File {
	t.Helper()
	meta, err := parseMetadata([]byte(r.client[1]), r.dialect, Limits{}.WithDefaults())
	if err != nil {
		t.Fatal(r.name, err)
	}
	var files []File
	for _, d := range meta.files {
		data := readFile(t, filepath.Join(corpus, "files", strings.ReplaceAll(d.Name, ":", "%3A"))) // see core/rooms_test.go
		f := fileOf(d.Name, data)
		f.MD5 = d.MD5
		files = append(files, f)
	}
	return files
}

// preload gives the host what the recorded server held, if it was of the same file.
func (r recording) preload(t *testing.T, h *memHost) {
	t.Helper()
	if len(r.client) < 2 || r.name[:3] == "03b" || r.name[:3] == "03c" {
		return
	}
	files := r.inputs(t)
	held, err := parseOffers([]byte(r.server[1]), files, r.dialect)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		part := make([]byte, held[i])
		_, _ = f.Content.ReadAt(part, 0)
		h.store[storeKey(testUser, Declared{Name: f.Name, Size: f.Size, MD5: f.MD5})] = part
	}
}

func TestServerReplays(t *testing.T) {
	t.Parallel()
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			r.preload(t, h)
			said, want := r.c2s, slices.Clone(r.server)
			switch r.name[:3] {
			case "03b", "03c":
				// A partial of other content is not continued: all is asked for, and it passes.
				said = slices.Concat(framed(r.client...), readFile(t, filepath.Join(corpus, "files/p1.pkg.tar.gz")), framed("ack"))
				want[1], want[2] = "numpkgs=1&name0=p1.pkg.tar.gz&size0=0", "numpkgs=1&md5sum0=PASS"
			case "04f":
				want[0] = failed
			}
			got, err := serveBytes(t, h, said)
			messages := frames(t, []byte(got))
			if len(messages) != len(want) {
				t.Fatalf("%d messages, want %d: %q, %v", len(messages), len(want), messages, err)
			}
			for i := range want {
				if g, w := meaning(t, messages[i], r.dialect), meaning(t, want[i], r.dialect); !reflect.DeepEqual(g, w) {
					t.Errorf("message %d:\n got %v\nwant %v", i, g, w)
				}
			}
			if len(want) == 3 && err != nil {
				t.Error(err)
			}
			if len(want) < 3 && err == nil {
				t.Error("no error for a session without results")
			}
		})
	}
}

// script plays the recorded server: it reads what the recorded server read, and
// answers what it answered. What the client said goes to said.
func (r recording) script(conn net.Conn, said chan<- recording) {
	defer conn.Close()
	var got recording
	defer func() { said <- got }()
	for i, answer := range r.server[:min(2, len(r.server))] {
		body, err := readFrame(conn, MaxMessage)
		if err != nil {
			return
		}
		got.client = append(got.client, string(body))
		if writeFrame(conn, answer) != nil || i == 0 && len(r.server) == 1 {
			return
		}
	}
	got.data = make([]byte, len(r.data))
	if n, err := io.ReadFull(conn, got.data); err != nil || !r.ack {
		got.data = got.data[:n]
		return
	}
	if writeFrame(conn, r.server[2]) != nil {
		return
	}
	body, _ := readFrame(conn, MaxMessage)
	got.ack = string(body) == ack
}

func TestClientReplays(t *testing.T) {
	t.Parallel()
	for _, r := range recordings(t) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			login, err := parseLogin([]byte(r.clientLogin(t)), Limits{}.WithDefaults())
			if err != nil {
				t.Fatal(err)
			}
			var files []File
			if len(r.client) > 1 {
				files = r.inputs(t)
			}
			conn, server := net.Pipe()
			said := make(chan recording, 1)
			go r.script(server, said)
			o := uploadOptions(r.dialect)
			o.Credentials = Credentials{login.User, login.Passwords[0]}
			result, err := Upload(t.Context(), conn, files, o)
			got := <-said
			r.check(t, got, result, err)
		})
	}
}

func (r recording) clientLogin(t *testing.T) string {
	t.Helper()
	body, err := readFrame(bytes.NewReader(r.c2s), MaxMessage)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// check compares what our client said and made of the answers with the recording.
func (r recording) check(t *testing.T, got recording, result Result, err error) {
	t.Helper()
	for i, body := range got.client {
		if g, w := meaning(t, body, r.dialect), meaning(t, append([]string{r.clientLogin(t)}, r.client[min(1, len(r.client)):]...)[i], r.dialect); !reflect.DeepEqual(g, w) {
			t.Errorf("message %d:\n got %v\nwant %v", i, g, w)
		}
	}
	if len(r.server) == 1 {
		if !errorsAre(err, ErrLogin, ErrRefused) {
			t.Errorf("a refused login gave %v", err)
		}
		return
	}
	if strings.HasPrefix(r.name, "03c") {
		if !errorsAre(err, ErrProtocol) {
			t.Errorf("an offer larger than the file gave %v", err)
		}
		return
	}
	if want := r.data; !strings.HasPrefix(r.name, "03a") && !bytes.Equal(got.data, want) {
		t.Errorf("%d bytes of data, want the %d recorded ones", len(got.data), len(want))
	}
	if !r.ack {
		if !errorsAre(err, ErrBroken) {
			t.Errorf("a cut session gave %v", err)
		}
		return
	}
	if err != nil || !got.ack {
		t.Fatalf("%v, ack %v", err, got.ack)
	}
	if passes := strings.Count(r.server[2], "PASS"); passes != countPasses(result.Verdict) || len(result.Files) != len(r.inputs(t)) {
		t.Errorf("results %+v, recorded %s", result.Files, r.server[2])
	}
	if result.Sent != int64(len(r.data)) {
		t.Errorf("%d bytes sent, recorded %d", result.Sent, len(r.data))
	}
}

func countPasses(v Verdict) int {
	n := 0
	for _, f := range v.Files {
		if f.Pass {
			n++
		}
	}
	return n
}
