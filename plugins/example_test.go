//go:build unix

package plugins

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// The program in README.md compiles and does what it says.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\n")
	code, _, _ := strings.Cut(rest, "```\n")
	at := filepath.Join(t.TempDir(), "no-games")
	if err := os.WriteFile(at+".go", []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", at, at+".go").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	u := inspected(t, mpktest.Upload{Packages: []mpktest.Package{{Name: "chess", Description: "a game"}, {Name: "ed"}}})
	findings, err := verifierOf(t, pinOf(t, "no-games", at), Options{}).Verify(t.Context(), u)
	if err != nil || len(findings) != 1 || findings[0].Code != "NO-GAMES" {
		t.Errorf("%v %v", findings, err)
	}
}

const pythonExample = "example/python/release_only.py"

// built compiles one of the examples, as an author does.
func built(t *testing.T, name string) Pin {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", at, "./example/"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return pinOf(t, name, at)
}

func TestExampleVerifier(t *testing.T) {
	t.Parallel()
	v := verifierOf(t, built(t, "licence"), Options{})
	with := mpktest.Package{Name: "foo", Files: []mpktest.Member{{Name: "./share/licenses/foo/COPYING", Body: "free"}}}
	u := inspected(t, mpktest.Upload{Packages: []mpktest.Package{with, {Name: "libfoo"}}})
	findings, err := v.Verify(t.Context(), u)
	if err != nil || len(findings) != 1 || findings[0].Code != "LICENCE-MISSING" || !strings.HasPrefix(findings[0].File, "libfoo_") {
		t.Errorf("%v %v", findings, err)
	}
}

func TestExampleTransport(t *testing.T) {
	t.Parallel()
	pin := built(t, "folder")
	transporttest.Suite(t, conformance(func(t *testing.T) *Transport {
		tr := NewTransport(pin, Options{})
		t.Cleanup(tr.Close)
		return tr
	}))
}

func TestExamplePython(t *testing.T) {
	t.Parallel()
	programtest.Check(t, "python3-grpcio", pythonLibraries())
	pin := pinOf(t, "release-only", pythonExample)
	v := verifierOf(t, pin, Options{})
	for version, refused := range map[string]bool{"1.0.0": false, "1.1rc1": true} {
		findings, err := v.Verify(t.Context(), inspected(t, mpktest.Upload{Version: version}))
		if err != nil || report.Refused(findings) != refused {
			t.Errorf("%s: %v %v", version, findings, err)
		}
		if refused && (findings[0].Code != "RELEASE-ONLY" || findings[0].Actual != version) {
			t.Errorf("%+v", findings[0])
		}
	}
	configured := verifierOf(t, pin, Options{Config: []byte(`{"pattern": "^1[.]0"}`)})
	findings, err := configured.Verify(t.Context(), inspected(t, mpktest.Upload{}))
	if err != nil || !report.Refused(findings) {
		t.Errorf("%v %v", findings, err)
	}
	failsClosed(t, pin, Options{Config: []byte(`{"patern": "x"}`)}, func(v *Verifier) error {
		_, err := v.Verify(t.Context(), inspected(t, mpktest.Upload{}))
		return err
	}, "unknown: patern", report.KindUsage)
}

// pythonLibraries says why the system's Python cannot run the example.
func pythonLibraries() error {
	out, err := exec.Command("/usr/bin/python3", "-c", "import grpc, google.protobuf, cryptography").CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// The example has the messages of plugin.proto as it is.
func TestExamplePythonIsUpToDate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(pythonExample)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "PROTO = \"\"\"\n")
	held, after, ok := strings.Cut(rest, "\"\"\"\n")
	if !ok {
		t.Fatal("no PROTO in the example")
	}
	want, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(pluginpb.File_plugin_proto))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(pythonExample, []byte(before+"PROTO = \"\"\"\n"+packed(t, want)+"\"\"\"\n"+after), 0o755); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := unpacked(held); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has other messages than plugin.proto (%v); MMPUSH_GOLDEN=write go test ./plugins writes them", pythonExample, err)
	}
}

// packed is bytes as Python source can hold them.
func packed(t *testing.T, data []byte) string {
	var zipped bytes.Buffer
	z := zlib.NewWriter(&zipped)
	if _, err := z.Write(data); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(zipped.Bytes())
	var lines strings.Builder
	for len(text) > 100 {
		lines.WriteString(text[:100] + "\n")
		text = text[100:]
	}
	return lines.String() + text + "\n"
}

func unpacked(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
