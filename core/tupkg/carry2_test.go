package tupkg

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// carrying is a connection with a [Carrier] that reads, and loads at most most bytes.
type carrying struct {
	net.Conn
	most   int
	loaded []byte
	sent   int
}

func (c *carrying) Load(file syscall.Conn, at int64, n int) int {
	c.loaded = make([]byte, min(n, c.most))
	n, _ = file.(io.ReaderAt).ReadAt(c.loaded, at)
	c.loaded = c.loaded[:n]
	return n
}

func (c *carrying) Send(head []byte) error {
	c.sent += len(c.loaded)
	_, err := c.Write(append(head, c.loaded...))
	return err
}

// filed is the content of a file on the disk.
type filed struct {
	*os.File
	// none: it is not to be had after all. err is in its way from half the file on.
	none bool
	err  error
	half int64
}

func (f filed) Filed(at int64) (syscall.Conn, error) {
	if f.err != nil && at >= f.half {
		return nil, f.err
	}
	if f.none {
		return nil, nil
	}
	return f.File, nil
}

// The system brings the large parts of files, and what it cannot bring is read.
func TestCarrier(t *testing.T) {
	t.Parallel()
	const size = 3*chunk2Bytes + 12
	var content strings.Builder
	for content.Len() < size {
		content.WriteString("what is in the file; ")
	}
	text := content.String()[:size]
	for name, c := range map[string]struct {
		most, carried int
		filed         filed
		cut           int64
		says          string
	}{
		"all but the rest":    {most: size, carried: 3 * chunk2Bytes},
		"in small parts":      {most: 70_001, carried: size / 70_001 * 70_001},
		"nothing":             {most: 0},
		"no file":             {most: size, filed: filed{none: true}},
		"what is in its way":  {most: size, carried: 2 * chunk2Bytes, filed: filed{err: errDisk, half: size / 2}, says: errDisk.Error()},
		"a file that was cut": {most: size, carried: chunk2Bytes + 5, cut: chunk2Bytes + 5, says: "it has 262149 bytes; 786444 were declared"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(at, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if c.cut > 0 && file.Truncate(c.cut) != nil {
				t.Fatal("the file cannot be cut")
			}
			c.filed.File = file
			h := newMemHost()
			conn, wait := duplex(t, func(c Conn) error { return ServeSession(t.Context(), c, &memSession{h, testUser}, quick()) })
			by := &carrying{Conn: conn, most: c.most}
			client, err := Connect(t.Context(), by, connectOptions(StartSession))
			if err != nil {
				t.Fatal(err)
			}
			result, err := client.Push(t.Context(), Set{Files: []File{
				{Name: "large.mpk", Size: size, SHA256: shaOf([]byte(text)), Content: c.filed}, fileOf("small", []byte("small")),
			}})
			switch {
			case c.says != "" && (!errors.Is(err, ErrLocal) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v", err)
			case c.says == "" && (err != nil || !result.Pass() || string(h.content("large.mpk")) != text):
				t.Errorf("%+v, %v", result, err)
			case by.sent != c.carried:
				t.Errorf("%d bytes were carried, not %d", by.sent, c.carried)
			}
			_ = client.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
