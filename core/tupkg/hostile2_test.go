package tupkg

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// answers2 takes a stream of version 2 messages apart.
func answers2(t *testing.T, said []byte) []message2 {
	t.Helper()
	var all []message2
	for r := bytes.NewReader(said); ; {
		m, err := readMessage2(r, 64<<20, nil)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

func msg(k kind, body string) []byte { return appendMessage2(nil, k, []byte(body)) }

func dataMsg(id, file uint32, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, id)
	return msg(kindData, string(binary.BigEndian.AppendUint32(b, file))+data)
}

func upload2(id string, files ...string) []byte {
	return msg(kindUpload, `{"id":`+id+`,"files":[`+strings.Join(files, ",")+`]}`)
}

func file2(name, size, sha string) string {
	quoted, _ := json.Marshal(name)
	return `{"name":` + string(quoted) + `,"size":` + size + `,"sha256":"` + sha + `"}`
}

// What a client sends against the rules: the last answer is an ERROR, for the
// connection or the upload, and the Host took nothing.
func TestVersion2HostileClients(t *testing.T) {
	t.Parallel()
	sha := shaOf([]byte("abc"))
	good := file2("a", "3", sha)
	head := func(k kind, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{byte(k)}, n) }
	tests := []struct {
		name string
		said []byte
		// id is of the ERROR.
		id   uint32
		code Code
	}{
		{"unknown frame", msg('Z', "{}"), 0, CodeProtocol},
		{"a server's frame", msg(kindOffer, "{}"), 0, CodeProtocol},
		{"a LOGIN after the login", msg(kindLogin, `{"user":"x","password":"y"}`), 0, CodeProtocol},
		{"frame longer than 1 MiB", head(kindUpload, frameBytes+1), 0, CodeProtocol},
		{"frame of 4 GiB", head(kindUpload, 0xffffffff), 0, CodeProtocol},
		{"endless message", bytes.Repeat(append(head(kindUpload|moreFollows, frameBytes), make([]byte, frameBytes)...), 9), 0, CodeProtocol},
		{"empty frames for ever", head(kindUpload|moreFollows, 0), 0, CodeProtocol},
		{"DATA continued", head(kindData|moreFollows, 9), 0, CodeProtocol},
		{"another message between frames", append(append(head(kindUpload|moreFollows, 1), '{'), msg(kindCancel, `"id":1,"files":[]}`)...), 0, CodeProtocol},
		{"no JSON", msg(kindUpload, "numpkgs=1"), 0, CodeProtocol},
		{"JSON array", msg(kindUpload, "[]"), 0, CodeProtocol},
		{"JSON null", msg(kindUpload, "null"), 0, CodeProtocol},
		{"no id", msg(kindUpload, `{"files":[]}`), 0, CodeProtocol},
		{"id 0", upload2("0", good), 0, CodeProtocol},
		{"id -1", upload2("-1", good), 0, CodeProtocol},
		{"id too great", upload2("4294967296", good), 0, CodeProtocol},
		{"DATA first", dataMsg(1, 0, "abc"), 0, CodeProtocol},
		{"CANCEL first", msg(kindCancel, `{"id":1}`), 0, CodeProtocol},
		{"path upwards", upload2("1", file2("../x", "3", sha)), 1, CodeProtocol},
		{"absolute name", upload2("1", file2("/x", "3", sha)), 1, CodeProtocol},
		{"hidden", upload2("1", file2(".x", "3", sha)), 1, CodeProtocol},
		{"like an option", upload2("1", file2("-x", "3", sha)), 1, CodeProtocol},
		{"NUL", upload2("1", file2("a\x00b", "3", sha)), 1, CodeProtocol},
		{"invalid UTF-8", msg(kindUpload, "{\"id\":1,\"files\":[{\"name\":\"a\xff\",\"size\":3,\"sha256\":\""+sha+"\"}]}"), 0, CodeProtocol},
		{"the same name twice", upload2("1", good, good), 1, CodeProtocol},
		{"size -5", upload2("1", file2("a", "-5", sha)), 1, CodeProtocol},
		{"size 10^30", upload2("1", file2("a", "1"+strings.Repeat("0", 30), sha)), 1, CodeProtocol},
		{"size 1.5", upload2("1", file2("a", "1.5", sha)), 1, CodeProtocol},
		{"size a text", upload2("1", file2("a", `"3"`, sha)), 1, CodeProtocol},
		{"size 01", upload2("1", file2("a", "01", sha)), 0, CodeProtocol},
		{"size too large", upload2("1", file2("a", "9223372036854775807", sha)), 1, CodeLimit},
		{"sum too large", upload2("1", file2("a", "60000000000", sha), file2("b", "60000000000", sha), file2("c", "60000000000", sha), file2("d", "60000000000", sha), file2("e", "60000000000", sha)), 1, CodeLimit},
		{"SHA-256 too short", upload2("1", file2("a", "3", sha[1:])), 1, CodeProtocol},
		{"SHA-256 in upper case", upload2("1", file2("a", "3", strings.ToUpper(sha))), 1, CodeProtocol},
		{"SHA-256 that is none", upload2("1", file2("a", "3", strings.Repeat("x", 64))), 1, CodeProtocol},
		{"manifest with another hash", msg(kindUpload, `{"id":1,"files":[`+good+`],"manifest":"eHl6"}`), 1, CodeProtocol},
		{"manifest of no file", msg(kindUpload, `{"id":1,"files":[`+good+`],"manifest":"eHl6","manifest_file":1}`), 1, CodeProtocol},
		{"manifest of file -1", msg(kindUpload, `{"id":1,"files":[`+good+`],"manifest":"eHl6","manifest_file":-1}`), 1, CodeProtocol},
		{"a list that would fill the memory", msg(kindUpload, `{"id":1,"files":[`+strings.Repeat("{},", 1<<20)+`{}]}`), 0, CodeLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			conn := connOf(tt.said)
			_ = ServeSession(t.Context(), conn, &memSession{h, testUser}, quick())
			all := answers2(t, conn.out.Bytes())
			var e errorMessage
			last := all[len(all)-1]
			if last.kind != kindError || json.Unmarshal(last.body, &e) != nil || e.ID != tt.id || e.Code != tt.code || e.Reason == "" {
				t.Errorf("%s %s", last.kind, last.body)
			}
			if len(h.declared) > 0 {
				t.Errorf("the host was asked for %+v", h.declared[0].Files)
			}
		})
	}
}

// Data that is not what was declared reaches no file.
func TestVersion2HostileData(t *testing.T) {
	t.Parallel()
	up := upload2("1", file2("a", "3", shaOf([]byte("abc"))), file2("b", "2", shaOf([]byte("de"))))
	tests := []struct {
		name string
		said []byte
		a    string
	}{
		{"more than declared", dataMsg(1, 0, "abcd"), ""},
		{"more than declared, in two", append(dataMsg(1, 0, "abc"), dataMsg(1, 0, "d")...), "abc"},
		{"the wrong file", dataMsg(1, 1, "de"), ""},
		{"a file that is not", dataMsg(1, 4294967295, "de"), ""},
		{"a later upload", dataMsg(2, 0, "abc"), ""},
		{"upload 0", dataMsg(0, 0, "abc"), ""},
		{"empty DATA", dataMsg(1, 0, ""), ""},
		{"DATA without a head", msg(kindData, "abc"), ""},
		{"an UPLOAD inside", append(dataMsg(1, 0, "ab"), upload2("2")...), "ab"},
		{"the same UPLOAD again", append(dataMsg(1, 0, "ab"), up...), "ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			conn := connOf(append(bytes.Clone(up), tt.said...))
			err := ServeSession(t.Context(), conn, &memSession{h, testUser}, quick())
			all := answers2(t, conn.out.Bytes())
			if last := all[len(all)-1]; !errorsAre(err, ErrProtocol) || last.kind != kindError || !bytes.Contains(last.body, []byte(`"id":0,"code":"protocol"`)) {
				t.Errorf("%v, %s %s", err, last.kind, last.body)
			}
			if string(h.content("a")) != tt.a || h.content("b") != nil || h.closed != 1 {
				t.Errorf("a is %q, b %q; closed %d times", h.content("a"), h.content("b"), h.closed)
			}
		})
	}
}

// Late DATA is thrown away, but not for ever.
func TestLateData(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	h.onReceive = func(int, io.Reader) error { return &Refusal{Code: CodeRefused, Reason: "no"} }
	said := upload2("1", file2("a", "30000000", shaOf(nil)))
	late := dataMsg(1, 0, strings.Repeat("x", 1<<19))
	said = append(append(append(said, late...), late...), msg(kindCancel, `{"id":1}`)...)
	serve := func(said []byte) ([]message2, error) {
		conn, o := connOf(said), quick()
		o.DrainBytes = 2 << 20
		err := ServeSession(t.Context(), conn, &memSession{h, testUser}, o)
		return answers2(t, conn.out.Bytes()), err
	}
	if all, err := serve(said); err != nil || len(all) != 3 {
		t.Errorf("%v, %d answers", err, len(all))
	}
	if _, err := serve(append(said, bytes.Repeat(late, 4)...)); !errorsAre(err, ErrProtocol) {
		t.Errorf("%v", err)
	}
}

// Before the login a message of version 2 is as short as one of version 1.
func TestVersion2ReadsLittleBeforeLogin(t *testing.T) {
	t.Parallel()
	for _, said := range [][]byte{
		msg(kindLogin, strings.Repeat("x", 4001)),
		bytes.Repeat(append([]byte{byte(kindLogin | moreFollows), 0, 0, 0, 1}, 'x'), 5000),
		msg(kindUpload, "{}"), msg(kindLogin, "[1]"), msg(kindLogin, `{"user":"","password":"x"}`),
	} {
		h, conn, o := newMemHost(), connOf(said), quick()
		o.DrainBytes = 1
		err := Serve2(t.Context(), conn, h, o)
		all := answers2(t, conn.out.Bytes())
		if !errorsAre(err, ErrProtocol) || len(all) != 1 || all[0].kind != kindError || h.attempts != 0 {
			t.Errorf("%.20q: %v, %d answers", said, err, len(all))
		}
	}
}

// What a server sends against the rules, after its WELCOME and the client's UPLOAD.
func TestVersion2HostileServers(t *testing.T) {
	t.Parallel()
	welcome := msg(kindWelcome, `{"version":2}`)
	offer := msg(kindOffer, `{"id":1,"held":[0]}`)
	tests := []struct {
		name string
		said []byte
		want error
	}{
		{"hangs up", nil, ErrBroken},
		{"version 3", msg(kindWelcome, `{"version":3}`), ErrProtocol},
		{"no welcome", offer, ErrProtocol},
		{"an error at once", msg(kindError, `{"id":0,"code":"shutdown","reason":"bye"}`), ErrRefused},
		{"offer of too much", append(welcome, msg(kindOffer, `{"id":1,"held":[4]}`)...), ErrProtocol},
		{"negative offer", append(welcome, msg(kindOffer, `{"id":1,"held":[-1]}`)...), ErrProtocol},
		{"offer for more files", append(welcome, msg(kindOffer, `{"id":1,"held":[0,0]}`)...), ErrProtocol},
		{"offer of another upload", append(welcome, msg(kindOffer, `{"id":2,"held":[0]}`)...), ErrProtocol},
		{"verdict without an offer", append(welcome, msg(kindVerdict, `{"id":1,"files":[{"pass":true}]}`)...), ErrProtocol},
		{"verdict before the data", append(append(bytes.Clone(welcome), offer...), msg(kindVerdict, `{"id":2,"files":[{"pass":true}]}`)...), ErrProtocol},
		{"a huge frame", append(welcome, 'V', 0xff, 0xff, 0xff, 0xff), ErrProtocol},
		{"error for the connection", append(welcome, msg(kindError, `{"id":0,"code":"new","reason":"bye\u001b"}`)...), ErrRefused},
		{"end after the offer", append(bytes.Clone(welcome), offer...), ErrBroken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conn, server := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = server.Write(tt.said)
				_ = server.Close()
			}()
			// The answers are all there before the question: the UPLOAD goes nowhere.
			c, err := Connect(t.Context(), &writeless{conn}, connectOptions(StartSession))
			if err == nil {
				_, err = c.Push(t.Context(), Set{Files: []File{fileOf("a", []byte("abc"))}})
				_ = c.Close()
			}
			<-done
			if !errorsAre(err, tt.want) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// writeless takes all that is written, and throws it away.
type writeless struct{ Conn }

func (*writeless) Write(p []byte) (int, error) { return len(p), nil }
