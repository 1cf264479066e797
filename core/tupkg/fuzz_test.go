package tupkg

import (
	"bytes"
	"testing"
)

func FuzzMessages(f *testing.F) {
	for _, r := range recordings(f) {
		for _, m := range append(r.client, r.server...) {
			f.Add([]byte(m))
		}
	}
	f.Add([]byte("numpkgs=2&name1=p1&size1=123&md5sum1=abcd\\\n        name2=p2&size2=3&md5sum2=def1"))
	f.Fuzz(func(t *testing.T, body []byte) {
		l := Limits{}.WithDefaults()
		if p, err := parseLogin(body, l); err == nil && (checkUser(p.User) != nil || len(p.Passwords) == 0 || len(p.Passwords) > 3) {
			t.Errorf("login %+v", p)
		}
		for _, d := range []Dialect{Document, HistoricalCode} {
			meta, err := parseMetadata(body, d, l)
			if err != nil {
				continue
			}
			held := make([]int64, len(meta.files))
			for i, file := range meta.files {
				if CheckName(file.Name) != nil || file.Size < 0 || file.Size > l.FileBytes || len(file.MD5) > 32 {
					t.Errorf("declared %+v", file)
				}
				held[i] = file.Size
			}
			if len(body) <= MaxMessage && len(meta.offers(held)) > MaxMessage {
				t.Errorf("the answer to %d bytes has %d", len(body), len(meta.offers(held)))
			}
		}
		_, _ = parseOffers(body, smallFiles(), Document)
		_, _ = parseResults(body, 2)
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x03ack"))
	f.Add(msg(kindCancel, `{"id":1}`))
	f.Add(append([]byte{byte(kindUpload | moreFollows), 0, 0, 0, 1, '{'}, msg(kindUpload, "}")...))
	f.Fuzz(func(t *testing.T, said []byte) {
		if body, err := readFrame(bytes.NewReader(said), 100); err == nil && !bytes.HasPrefix(said, framed(string(body))) {
			t.Errorf("%q read as %q", said, body)
		}
		m, err := readMessage2(bytes.NewReader(said), 1000, nil)
		if err == nil && (len(m.body) > 1000 || m.kind&moreFollows != 0) {
			t.Errorf("%q read as %s of %d bytes", said, m.kind, len(m.body))
		}
	})
}

// FuzzSession is a whole conversation with a client of arbitrary bytes: it ends, the
// Host sees only what it may see, and every intake is closed.
func FuzzSession(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.c2s)
	}
	login2 := framed(loginOK + "&tupkg=2")
	up := upload2("1", file2("a", "3", shaOf([]byte("abc"))))
	f.Add(bytes.Join([][]byte{login2, up, dataMsg(1, 0, "abc"), upload2("2"), msg(kindCancel, `{"id":2}`)}, nil))
	f.Add(bytes.Join([][]byte{login2, up, dataMsg(1, 0, "a"), msg(kindCancel, `{"id":1}`), dataMsg(1, 0, "b")}, nil))
	f.Fuzz(func(t *testing.T, said []byte) {
		h, o := newMemHost(), quick()
		o.Version2 = true
		_ = Serve(t.Context(), connOf(said), h, o)
		for _, d := range h.declared {
			for _, file := range d.Files {
				if err := CheckName(file.Name); err != nil || file.Size < 0 {
					t.Errorf("declared %+v: %v", file, err)
				}
				if n := int64(len(h.store[storeKey(testUser, file)])); n > file.Size {
					t.Errorf("%s has %d bytes of %d", file.Name, n, file.Size)
				}
			}
		}
		if h.closed != len(h.declared) {
			t.Errorf("%d declarations, %d closed", len(h.declared), h.closed)
		}
	})
}

// FuzzClient is a client of either version whose server says arbitrary bytes.
func FuzzClient(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.s2c)
	}
	f.Add(bytes.Join([][]byte{framed(passed + "&tupkg=2"), msg(kindWelcome, `{"version":2}`), msg(kindOffer, `{"id":1,"held":[0,0,0]}`), msg(kindVerdict, `{"id":1,"files":[{},{},{}]}`)}, nil))
	f.Fuzz(func(t *testing.T, said []byte) {
		for _, d := range []Dialect{Document, HistoricalCode} {
			if r, err := Upload(t.Context(), connOf(said), smallFiles(), uploadOptions(d)); err == nil && len(r.Files) != 3 {
				t.Errorf("%+v", r)
			}
		}
		c, err := Connect(t.Context(), connOf(said), connectOptions(StartInBand))
		if err != nil {
			return
		}
		if r, err := c.Push(t.Context(), Set{Files: smallFiles()}); err == nil && len(r.Files) != 3 {
			t.Errorf("%+v", r)
		}
		_ = c.Close()
	})
}
