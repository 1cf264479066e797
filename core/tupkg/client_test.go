package tupkg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
)

// playServer answers a client's messages one by one, then reads and throws away.
func playServer(t *testing.T, answers ...string) net.Conn {
	t.Helper()
	conn, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		for i, answer := range answers {
			if i < 2 {
				if _, err := readFrame(server, MaxMessage); err != nil {
					return
				}
			}
			if writeFrame(server, answer) != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, server)
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	const offers = "numpkgs=1&name1=a&size1=0"
	tests := []struct {
		name    string
		answers []string
		want    error
	}{
		{"login refused", []string{failed}, ErrLogin},
		{"the historical word for a broken database", []string{"result=SQLERR"}, ErrLogin},
		{"another result", []string{"result=MAYBE"}, ErrProtocol},
		{"no result", []string{"x=y"}, ErrProtocol},
		{"empty answer", []string{""}, ErrProtocol},
		{"declaration refused", []string{passed, failed}, ErrRefused},
		{"offer larger than the file", []string{passed, "numpkgs=1&name1=a&size1=4"}, ErrProtocol},
		{"negative offer", []string{passed, "numpkgs=1&name1=a&size1=-1"}, ErrProtocol},
		{"offer that is no number", []string{passed, "numpkgs=1&name1=a&size1=x"}, ErrProtocol},
		{"offer of the other dialect", []string{passed, "numpkgs=1&name0=a&size0=0"}, ErrProtocol},
		{"offer for another name", []string{passed, "numpkgs=1&name1=b&size1=0"}, ErrProtocol},
		{"offer for more files", []string{passed, "numpkgs=2&name1=a&size1=0"}, ErrProtocol},
		{"offer twice", []string{passed, "numpkgs=1&name1=a&size1=0&size1=3"}, ErrProtocol},
		{"results of more files", []string{passed, offers, "np=2&m1=PASS&m2=PASS"}, ErrProtocol},
		{"results without results", []string{passed, offers, "np=1"}, ErrProtocol},
		{"results in other words", []string{passed, offers, "np=1&m1=pass"}, ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := []File{fileOf("a", []byte("abc"))}
			_, err := Upload(t.Context(), playServer(t, tt.answers...), files, uploadOptions(Document))
			if !errorsAre(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// endless is a file as long as anybody wants.
type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

// Results that come while data is still to be sent are a no, at once.
func TestEarlyResults(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]error{"FAIL": ErrRefused, "PASS": ErrProtocol} {
		conn, server := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer server.Close()
			_, _ = readFrame(server, MaxMessage)
			_ = writeFrame(server, passed)
			_, _ = readFrame(server, MaxMessage)
			_ = writeFrame(server, "numpkgs=1&name1=a&size1=0")
			_, _ = io.ReadFull(server, make([]byte, 10))
			_ = writeFrame(server, "np=1&m1="+word+"&reason=no%1Broom")
			_, _ = io.Copy(io.Discard, server)
		}()
		file := File{Name: "a", Size: 1 << 40, MD5: zeroMD5, Content: endless{}}
		result, err := Upload(t.Context(), conn, []File{file}, uploadOptions(Document))
		<-done
		if !errorsAre(err, want) || result.Sent > 100<<20 {
			t.Errorf("%s: %v after %d bytes", word, err, result.Sent)
		}
		if word == "FAIL" && !strings.HasSuffix(err.Error(), ": noroom") {
			t.Errorf("the reason is not shown, or not cleaned: %q", err)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for want, results := range map[Dialect]string{Document: "np=0", HistoricalCode: "numpkgs=0"} {
		got, err := Probe(t.Context(), playServer(t, passed, "numpkgs=0", results), uploadOptions(Document))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", results, got, err)
		}
	}
	conn, wait := serveV1(t, newMemHost())
	got, err := Probe(t.Context(), conn, uploadOptions(Document))
	if err != nil || got != Document || wait() != nil {
		t.Errorf("our own server: %v, %v", got, err)
	}
	if _, err := Probe(t.Context(), playServer(t, failed), uploadOptions(Document)); !errorsAre(err, ErrLogin) {
		t.Error(err)
	}
}

// What the client could not declare it does not begin to send.
func TestClientChecksItsFiles(t *testing.T) {
	t.Parallel()
	good := fileOf("a", []byte("abc"))
	tests := map[string][]File{
		"a bad name":      {{Name: "../a", Size: 1, MD5: zeroMD5}},
		"a negative size": {{Name: "a", Size: -1, MD5: zeroMD5}},
		"a bad MD5":       {{Name: "a", Size: 1, MD5: "abcd"}},
		"a name twice":    {good, good},
		"too many files":  manyFiles(700),
	}
	for name, files := range tests {
		conn := connOf(nil)
		if _, err := Upload(t.Context(), conn, files, uploadOptions(Document)); !errors.Is(err, ErrLocal) || conn.out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes sent", name, err, conn.out.Len())
		}
	}
}

func manyFiles(n int) []File {
	files := make([]File, n)
	for i := range files {
		files[i] = fileOf(fmt.Sprintf("package-with-an-ordinary-name-%04d-1.0-1-amd64.pkg.tar.gz", i), []byte("abc"))
	}
	return files
}

// A file that got shorter, or cannot be read, is not called a broken connection.
func TestClientFileTrouble(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]io.ReaderAt{"shorter": bytes.NewReader([]byte("ab")), "unreadable": badReader{}} {
		h := newMemHost()
		conn, wait := serveV1(t, h)
		file := fileOf("a", []byte("abc"))
		file.Content = content
		_, err := Upload(t.Context(), conn, []File{file}, uploadOptions(Document))
		if !errors.Is(err, ErrLocal) || errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if err := wait(); !errorsAre(err, ErrBroken) {
			t.Errorf("%s, server: %v", name, err)
		}
	}
}

type badReader struct{}

func (badReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

// Skipped bytes are told apart from sent ones, and upper-case MD5s are sent in lower
// case.
func TestProgress(t *testing.T) {
	t.Parallel()
	h, data := newMemHost(), make([]byte, 300<<10)
	h.store[storeKey(testUser, Declared{Name: "a", Size: int64(len(data)), MD5: md5Of(data)})] = data[:1000:1000]
	conn, wait := serveV1(t, h)
	var told []Progress
	o := uploadOptions(HistoricalCode)
	o.Progress = func(p Progress) { told = append(told, p) }
	file := fileOf("a", data)
	file.MD5 = strings.ToUpper(file.MD5)
	result, err := Upload(t.Context(), conn, []File{file}, o)
	if err != nil || wait() != nil || !result.Pass() {
		t.Fatal(result, err)
	}
	first, last := told[0], told[len(told)-1]
	if first != (Progress{Stage: "send", Total: 300 << 10, Skipped: 1000}) {
		t.Errorf("first %+v", first)
	}
	if want := (Progress{Stage: "send", File: "a", Done: 300<<10 - 1000, Total: 300 << 10, Skipped: 1000}); last != want || len(told) < 3 {
		t.Errorf("last of %d %+v", len(told), last)
	}
}

func TestContextEndsClient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	conn, server := net.Pipe()
	defer server.Close()
	go cancel(errDisk)
	if _, err := Upload(ctx, conn, nil, uploadOptions(Document)); !errorsAre(err, ErrBroken, errDisk) {
		t.Error(err)
	}
}

// No error, answer or formatted value shows a password, however the login ends.
func TestPasswordIsNeverShown(t *testing.T) {
	t.Parallel()
	const secret = "hunter2+%41&x=y"
	o := uploadOptions(Document)
	o.Password = secret
	var shownText strings.Builder
	for _, answer := range []string{failed, "result=SQLERR", "x", ""} {
		_, err := Upload(t.Context(), playServer(t, answer), nil, o)
		fmt.Fprintln(&shownText, err)
	}
	for _, body := range []string{
		"username=x&password=hunter2&password=hunter2", "username=x&hunter2", "username=x&password=&hunter2=1&hunter2=1",
		"username=x&password=" + strings.Repeat("hunter2", 1000), "username=%0A&password=hunter2", "password=hunter2",
		"username=x&password=hunter2", "username=x&password=hunter2&want=reason",
	} {
		out, err := serveBytes(t, newMemHost(), framed(body))
		fmt.Fprintln(&shownText, out, err)
	}
	for _, body := range []string{`{"user":"x","password":"hunter2"}`, `{"user":"x","password":"hunter2`, `{"user":"x","password":{"hunter2":1}}`, `{"user":"\n","password":"hunter2"}`} {
		conn := connOf(appendMessage2(nil, kindLogin, []byte(body)))
		err := Serve2(t.Context(), conn, newMemHost(), quick())
		fmt.Fprintln(&shownText, conn.out.String(), err)
	}
	login, _ := parseLogin([]byte(loginMessage("x", secret)), Limits{}.WithDefaults())
	asJSON, _ := json.Marshal(o.Credentials)
	fmt.Fprintf(&shownText, "%v %+v %#v %q %x %s %s\n", o.Credentials, login, login, o.Password, o.Password, o.Password, asJSON)
	slog.New(slog.NewTextHandler(&shownText, nil)).Info("login", "password", o.Password, "login", login.Login)
	if text := shownText.String(); strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("a password is shown:\n%s", text)
	}
}

// The credentials that our client sends arrive as they are, at servers of both
// dialects.
func TestCredentialsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"B0b", "a+b", "a b", "50%", "%41", "&=;", "päß", "\x00\xff", "~!@#$^*()"} {
		p, err := parseLogin([]byte(loginMessage("a+b@x", Password(password))), Limits{}.WithDefaults())
		if err != nil || p.User != "a+b@x" || !slices.Contains(p.Passwords, Password(password)) || p.Passwords[0] != Password(password) {
			t.Errorf("%q: %v", password, err)
		}
	}
}
