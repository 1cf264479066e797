//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/index"
)

// fetch gets one published file, by its path below the repository.
type fetch func(name string) ([]byte, error)

func byFile(at string) fetch {
	return func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(at, name)) }
}

func byHTTP(url string) fetch {
	return func(name string) ([]byte, error) {
		resp, err := http.Get(url + "/" + name)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", name, resp.Status)
		}
		return io.ReadAll(resp.Body)
	}
}

// seen is what readers met.
type seen struct {
	sync.Mutex
	// rounds is how often a reader read an index and everything in it.
	rounds, files                int
	missing, torn, mismatching   int
	examples                     []string
	binaryIndexes, sourceIndexes map[string]bool
}

func (s *seen) bad(counter *int, err error) {
	s.Lock()
	defer s.Unlock()
	*counter++
	if len(s.examples) < 5 {
		s.examples = append(s.examples, err.Error())
	}
}

// read gets both indexes as a client does, one after the other, then each file that
// they name.
func (s *seen) read(get fetch) {
	packed, err := get(index.BinaryFile)
	if err != nil {
		s.bad(&s.missing, err)
		return
	}
	sources, err := get(index.SourceFile)
	if err != nil {
		s.bad(&s.missing, err)
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	var binaries []byte
	if err == nil {
		binaries, err = io.ReadAll(z)
	}
	if err != nil {
		s.bad(&s.torn, err)
		return
	}
	view, err := index.NewView(binaries, sources)
	if err != nil {
		s.bad(&s.torn, err)
		return
	}
	for b, err := range view.All() {
		if err != nil {
			s.bad(&s.torn, err)
			return
		}
		s.file(get, b.Filename, b.SHA256, b.Size)
	}
	list, err := view.Sources(index.Selector{})
	if err != nil {
		s.bad(&s.torn, err)
	}
	for _, x := range list {
		s.file(get, x.Filename, x.SHA256, x.Size)
	}
	s.Lock()
	defer s.Unlock()
	s.rounds++
	s.binaryIndexes[string(binaries)], s.sourceIndexes[string(sources)] = true, true
}

func (s *seen) file(get fetch, name, sum string, size int64) {
	content, err := get(name)
	if err != nil {
		s.bad(&s.missing, err)
		return
	}
	got := sha256.Sum256(content)
	if hex.EncodeToString(got[:]) != sum || int64(len(content)) != size {
		s.bad(&s.mismatching, fmt.Errorf("%s has other bytes than the index says", name))
	}
	s.Lock()
	defer s.Unlock()
	s.files++
}

// TestReadersDuringPublishes: whoever fetched an index can fetch everything in it,
// whatever is published meanwhile.
func TestReadersDuringPublishes(t *testing.T) {
	t.Parallel()
	publishes := 30
	if long() {
		publishes = 200
	}
	at := newRepo(t, "uploads/01-foo-1.0.0", "uploads/02-weather-data-2024.01")
	server := httptest.NewServer(http.FileServer(http.Dir(at)))
	defer server.Close()
	s := &seen{binaryIndexes: map[string]bool{}, sourceIndexes: map[string]bool{}}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for _, get := range []fetch{byFile(at), byFile(at), byHTTP(server.URL), byHTTP(server.URL)} {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.read(get)
				}
			}
		})
	}
	publishInTurns(t, at, publishes)
	close(stop)
	readers.Wait()
	t.Logf("%d publishes, 4 readers: %d reads of everything, %d files, %d different indexes; missing %d, torn %d, mismatching %d",
		publishes, s.rounds, s.files, len(s.binaryIndexes), s.missing, s.torn, s.mismatching)
	if s.missing+s.torn+s.mismatching > 0 {
		t.Errorf("examples:\n%s", strings.Join(s.examples, "\n"))
	}
	if s.rounds < 4 || len(s.binaryIndexes) < 3 || len(s.sourceIndexes) < 3 {
		t.Errorf("the readers saw too little: %d rounds, %d indexes", s.rounds, len(s.binaryIndexes))
	}
	if err := whole(at); err != nil {
		t.Error(err)
	}
}

// publishInTurns publishes two versions, and two builds of one of them.
func publishInTurns(t *testing.T, at string, publishes int) {
	t.Helper()
	turns := []string{"06-foo-1.1.0", "07-foo-1.1.0-rebuild", "01-foo-1.0.0", "07-foo-1.1.0-rebuild", "06-foo-1.1.0", "01-foo-1.0.0"}
	for i := range publishes {
		manifest := manifestOf(t, "uploads/"+turns[i%len(turns)])
		cmd := exec.Command("mmpush", "push", manifest, "--to", at, "--rebuild", "--allow-downgrade")
		if i%2 == 0 {
			cmd = exec.Command(modifyrepoName, "-p", at, "add", manifest)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
}
