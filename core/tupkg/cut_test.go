package tupkg

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
)

// recorder keeps what was written to a connection.
type recorder struct {
	Conn
	said bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	r.said.Write(p[:n])
	return n, err
}

func smallFiles() []File {
	return []File{
		fileOf("foo_1.0_amd64.mpk", []byte("the first file's bytes")),
		fileOf("empty", nil),
		fileOf("libsigc++ 2&x.mpk", []byte("and the second's, with +")),
	}
}

// A client that dies after any byte of its session resumes in the next, where it
// sends only what has not arrived.
func TestCutAtEveryByteOfClient(t *testing.T) {
	t.Parallel()
	for _, d := range []Dialect{Document, HistoricalCode} {
		conn, wait := serveV1(t, newMemHost())
		rec := &recorder{Conn: conn}
		if _, err := Upload(t.Context(), rec, smallFiles(), uploadOptions(d)); err != nil || wait() != nil {
			t.Fatal(err)
		}
		whole := rec.said.Bytes()
		size := int(total(smallFiles()))
		dataAt := len(whole) - size - len(framed(ack))
		for k := range len(whole) {
			h := newMemHost()
			if _, err := serveBytes(t, h, whole[:k]); !errorsAre(err, ErrBroken) {
				t.Fatalf("%s, cut at %d: %v", d, k, err)
			}
			arrived := int64(min(max(0, k-dataAt), size))
			conn, wait := serveV1(t, h)
			result, err := Upload(t.Context(), conn, smallFiles(), uploadOptions(d))
			if err != nil || !result.Pass() || wait() != nil {
				t.Fatalf("%s, resumed after %d: %+v, %v", d, k, result, err)
			}
			if result.Skipped != arrived || result.Sent != int64(size)-arrived || h.received != int64(size) {
				t.Fatalf("%s, cut at %d: skipped %d, sent %d, received %d; %d had arrived", d, k, result.Skipped, result.Sent, h.received, arrived)
			}
			for _, f := range smallFiles() {
				if md5Of(h.content(f.Name)) != f.MD5 {
					t.Fatalf("%s, cut at %d: %s is damaged", d, k, f.Name)
				}
			}
		}
	}
}

// A server that dies after any byte of its answers gives the client an error that says
// how far it came, and no hang.
func TestCutAtEveryByteOfServer(t *testing.T) {
	t.Parallel()
	answers := framed(passed, "numpkgs=1&name1=a&size1=1", "np=1&m1=PASS")
	for k := range len(answers) {
		conn, server := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer server.Close()
			_, _ = readFrame(server, MaxMessage)
			n := min(k, 13)
			_, _ = server.Write(answers[:n])
			if n < 13 {
				return
			}
			_, _ = readFrame(server, MaxMessage)
			n = min(k, 13+27)
			_, _ = server.Write(answers[13:n])
			if n < 13+27 {
				return
			}
			_, _ = io.ReadFull(server, make([]byte, 2))
			_, _ = server.Write(answers[n:k])
		}()
		result, err := Upload(t.Context(), conn, []File{fileOf("a", []byte("abc"))}, uploadOptions(Document))
		<-done
		if !errorsAre(err, ErrBroken) || k >= 13+27 && result.Sent != 2 {
			t.Errorf("cut at %d: %v, %d sent", k, err, result.Sent)
		}
	}
}

// Another user, or another size or hash of the same name, never continues a partial.
func TestPartialsAreNotShared(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	h.users["other@example.net"] = testPassword
	data := []byte("0123456789")
	said := slices.Concat(framed(loginOK, decl("a", "10", md5Of(data))), data[:5])
	_, _ = serveBytes(t, h, said)
	for _, other := range []struct{ login, body string }{
		{"username=other@example.net&password=B0b", decl("a", "10", md5Of(data))},
		{loginOK, decl("a", "10", zeroMD5)},
		{loginOK, decl("a", "9", md5Of(data))},
	} {
		got, _ := serveBytes(t, h, framed(other.login, other.body))
		if messages := frames(t, []byte(got)); messages[1] != "numpkgs=1&name1=a&size1=0" {
			t.Errorf("%s got %q", other, messages[1])
		}
	}
}
