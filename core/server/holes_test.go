package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// The holes of the historical server, each measured on it, and each shut here: against
// the whole server, by what goes over the wire.

const (
	loginB0b = "username=" + bfinch + "&password=B0b"
	zeroMD5  = "d41d8cd98f00b204e9800998ecf8427e"
	wrongMD5 = "00000000000000000000000000000000"
)

// declared is a declaration of files in a dialect: name, size, MD5 of each.
func declared(code bool, files ...[3]string) string {
	text := fmt.Sprintf("numpkgs=%d", len(files))
	for i, f := range files {
		n := i + 1
		if code {
			n = i
		}
		text += fmt.Sprintf("&name%d=%s&size%d=%s&md5sum%d=%s", n, f[0], n, f[1], n, f[2])
	}
	return text
}

// frame2 is a message of version 2 on the wire.
func frame2(kind byte, body []byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)))
	return append(head, body...)
}

// upload2 is an in-band login and the declaration of files as raw JSON.
func upload2(t *testing.T, files ...map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"id": 1, "files": files})
	if err != nil {
		t.Fatal(err)
	}
	return append(frame(loginB0b+"&tupkg=2"), frame2('U', body)...)
}

// refusedAtOnce wants a login that passes and a declaration that is refused, well before
// any time limit. The client hangs up once it knows.
func (w *world) refusedAtOnce(t *testing.T, what, declaration, data string) {
	t.Helper()
	from := time.Now()
	got := w.conversation(t, append(frame(loginB0b, declaration), data...), 2)
	if !slices.Equal(got, []string{"result=PASS", "result=FAIL"}) {
		t.Errorf("%s: the server said %q", what, got)
	}
	if took := time.Since(from); took > 10*time.Second {
		t.Errorf("%s: it took %s", what, took)
	}
}

// refused2 is the same for version 2.
func (w *world) refused2(t *testing.T, what string, files ...map[string]any) {
	t.Helper()
	client, done := w.dial(t)
	go func() { _, _ = client.Write(upload2(t, files...)) }()
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	got, buf := "", make([]byte, 4096)
	for !strings.Contains(got, `"code"`) && !strings.Contains(got, `"held"`) {
		n, err := client.Read(buf)
		got += string(buf[:n])
		if err != nil {
			break
		}
	}
	_ = client.Close()
	done()
	if !strings.Contains(got, `"code":"protocol"`) && !strings.Contains(got, `"code":"limit"`) || strings.Contains(got, `"held"`) {
		t.Errorf("%s, version 2: the server said %q", what, got)
	}
}

// snapshot is everything below a folder, with content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(at)
		all[at] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestHoleNamesLeadOutside: name=../x or an absolute name wrote outside of the folder
// and, with a wrong MD5, deleted what was there. On a real disk, with victims at all
// places that such names could mean.
func TestHoleNamesLeadOutside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := filepath.Join(root, "deep", "repo")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, _, err := repo.Init(t.Context(), folder, at, pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	w := &world{users: recordedUsers()}
	w.start(t, func(o *Options) {
		o.Open = func() (*repo.Repo, error) { return pipeline.Open(folder, at) }
		o.State = folder
	})
	defer w.Close()
	for _, victim := range []string{"x", "deep/x", "deep/repo/x", "deep/repo/.mmpush/x", "deep/repo/.mmpush/area/x", "deep/repo/.mmpush/partial/x"} {
		if err := os.WriteFile(filepath.Join(root, victim), []byte("victim"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, root)
	names := []string{
		"../x", "../../x", "../../../x", "../../../../x", "../../../../../x", filepath.Join(root, "x"), filepath.Join(root, "deep/x"),
		"/x", "//x", "./x", "a/../../../x", "..", ".", "x/", "x/.", "../", "..\\x", "x\x00", "x\n", "\x7f", "-x", ".x", "",
		"../binary-index.gz", "../../binary-index.gz", "../settings.yaml", "../../../repo/metadata",
	}
	for _, name := range names {
		escaped := strings.NewReplacer("%", "%25", "&", "%26", "\x00", "%00", "\n", "%0A", "/", "%2F", ".", "%2E").Replace(name)
		for _, written := range []string{name, escaped} {
			for _, code := range []bool{false, true} {
				for _, size := range []string{"0", "6"} {
					if t.Failed() {
						break
					}
					w.refusedAtOnce(t, fmt.Sprintf("%q", written), declared(code, [3]string{written, size, wrongMD5}), "attack")
				}
			}
		}
		if t.Failed() {
			break
		}
		w.refused2(t, fmt.Sprintf("%q", name), map[string]any{"name": name, "size": 6, "sha256": sha256Of([]byte("attack"))})
	}
	after := snapshot(t, root)
	for at, text := range before {
		if after[at] != text {
			t.Errorf("%s is %q", at, after[at])
		}
	}
	for at := range after {
		if _, was := before[at]; !was {
			t.Errorf("%s was made", at)
		}
	}
	// A name with a backslash is a name like any other.
	got := w.conversation(t, append(frame(loginB0b, declared(false, [3]string{`C:\x`, "0", zeroMD5})), frame("ack")...), 0)
	if len(got) != 3 || got[2] != "np=1&m1=PASS" {
		t.Errorf("a backslash: %q", got)
	}
}

// TestHoleSizesAreTakenAsTheyCome: 1, -5 and 10^30 were all accepted, whatever came.
func TestHoleSizesAreTakenAsTheyCome(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers())
	for _, size := range []string{"-5", "-0", "+1", "1" + strings.Repeat("0", 30), "9223372036854775808", "18446744073709551616", "1e3", "0x10", "01", "", " 1", "1.0", "NaN"} {
		for _, code := range []bool{false, true} {
			w.refusedAtOnce(t, size, declared(code, [3]string{"a", size, zeroMD5}), "")
		}
	}
	for _, size := range []any{-5, 1e30, 1.5, "1", json.Number("9223372036854775808"), 1 << 62} {
		w.refused2(t, fmt.Sprint(size), map[string]any{"name": "a", "size": size, "sha256": sha256Of(nil)})
	}
	// More than was admitted is refused before a byte comes.
	if _, err := w.State.Lstat(w.path("partial", bfinch)); err == nil && len(w.files(t, "partial")) > 0 {
		t.Error("something is stored")
	}
	// A size that lies: the bytes beyond it are no file's, and the file is not what was
	// declared.
	text := []byte("more than one byte")
	got := w.conversation(t, append(frame(loginB0b, declared(false, [3]string{"a", "1", md5Of(text)})), text...), 0)
	if len(got) < 3 || got[2] != "np=1&m1=FAIL" {
		t.Errorf("a size of 1: %q", got)
	}
	if left := append(w.files(t, "area"), w.files(t, "partial")...); len(left) > 0 {
		t.Errorf("kept: %q", left)
	}
}

// TestHoleDuplicateNamesLoseBoth: of two files of one name both were lost, and with
// them what was there before.
func TestHoleDuplicateNamesLoseBoth(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers())
	keep := []byte("what is there already")
	one := [3]string{"a", fmt.Sprint(len(keep)), md5Of(keep)}
	if got := w.conversation(t, slices.Concat(frame(loginB0b, declared(false, one)), keep, frame("ack")), 0); len(got) != 3 || got[2] != "np=1&m1=PASS" {
		t.Fatalf("%q", got)
	}
	before := w.stored(t, bfinch)
	for _, code := range []bool{false, true} {
		w.refusedAtOnce(t, "one name twice", declared(code, one, [3]string{"a", "3", zeroMD5}), "abc")
		w.refusedAtOnce(t, "one name in two spellings", declared(code, one, [3]string{"%61", "3", zeroMD5}), "abc")
		w.refusedAtOnce(t, "one file twice", declared(code, one, one), "")
	}
	sha := sha256Of(keep)
	w.refused2(t, "one name twice", map[string]any{"name": "a", "size": len(keep), "sha256": sha}, map[string]any{"name": "a", "size": 3, "sha256": sha256Of([]byte("abc"))})
	if after := w.stored(t, bfinch); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v was kept, now it is %v", before, after)
	}
	// Two names of one content are two files, and both arrive.
	r, err := w.as("B0b").v2(t, bfinch, tupkg.Set{}, mpktest.File{Name: "c", Data: []byte("same")}, mpktest.File{Name: "d", Data: []byte("same")})
	mustPass(t, r, err)
}

// TestHoleBadMetadataGetsNoReply: it killed the session with no reply and no close.
func TestHoleBadMetadataGetsNoReply(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers())
	const file = "name1=a&size1=3&md5sum1=" + zeroMD5
	for what, body := range map[string]string{
		"nothing": "", "no numpkgs": file, "no name": "numpkgs=1&size1=3&md5sum1=" + zeroMD5, "no size": "numpkgs=1&name1=a&md5sum1=" + zeroMD5,
		"no MD5": "numpkgs=1&name1=a&size1=3", "numpkgs is no number": "numpkgs=x&" + file, "numpkgs -1": "numpkgs=-1", "numpkgs 10^30": "numpkgs=1" + strings.Repeat("0", 30),
		"too few files": "numpkgs=2&" + file, "too many files": "numpkgs=0&" + file, "not pairs": "hello", "HTTP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"noise": "\x00\xff\x80&=&&==%%%", "JSON": `{"numpkgs":1}`, "bad MD5": "numpkgs=1&name1=a&size1=3&md5sum1=xyz", "not UTF-8": "numpkgs=1&name1=%ff&size1=3&md5sum1=" + zeroMD5,
	} {
		// Who waits sees the server close.
		if got := w.conversation(t, frame(loginB0b, body), 0); !slices.Equal(got, []string{"result=PASS", "result=FAIL"}) {
			t.Errorf("%s: the server said %q", what, got)
		}
	}
	for what, said := range map[string][]byte{
		"an unknown kind": frame2('Z', []byte("{}")), "not JSON": frame2('U', []byte("hello")), "an empty body": frame2('U', nil),
		"JSON of another form": frame2('U', []byte(`[1,2]`)), "data without an upload": frame2('D', []byte("12345678x")), "a huge frame": {'U', 0xff, 0xff, 0xff, 0xff},
	} {
		client, done := w.dial(t)
		go func() { _, _ = client.Write(append(frame(loginB0b+"&tupkg=2"), said...)) }()
		_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
		var got []byte
		buf := make([]byte, 4096)
		var err error
		for err == nil {
			var n int
			n, err = client.Read(buf)
			got = append(got, buf[:n]...)
		}
		_ = client.Close()
		done()
		if !strings.Contains(string(got), `"code":"protocol"`) || os.IsTimeout(err) {
			t.Errorf("%s, version 2: %v, the server said %q", what, err, got)
		}
	}
}

// TestHoleOneKeyTwice: name0=a&name0=b made one of the two win, by chance.
func TestHoleOneKeyTwice(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers())
	for _, body := range []string{
		"numpkgs=1&name0=a&name0=b&size0=3&md5sum0=" + zeroMD5,
		"numpkgs=1&name1=a&name1=b&size1=3&md5sum1=" + zeroMD5,
		"numpkgs=1&name0=a&size0=3&size0=4&md5sum0=" + zeroMD5,
		"numpkgs=1&name0=a&size0=3&md5sum0=" + zeroMD5 + "&md5sum0=" + wrongMD5,
		"numpkgs=1&numpkgs=2&name0=a&size0=3&md5sum0=" + zeroMD5,
		"numpkgs=1&name0=a&size0=3&md5sum0=" + zeroMD5 + "&name1=b&size1=3&md5sum1=" + zeroMD5,
	} {
		w.refusedAtOnce(t, body, body, "abc")
	}
	for _, body := range []string{"username=" + bfinch + "&username=other&password=B0b", "username=" + bfinch + "&password=x&password=B0b"} {
		if got := w.conversation(t, frame(body), 0); !slices.Equal(got, []string{"result=FAIL"}) {
			t.Errorf("%s: %q", body, got)
		}
	}
}
