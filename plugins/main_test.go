//go:build unix

package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// The test binary plays the plugins: the extension of its copy says which.
func TestMain(m *testing.M) {
	if os.Getenv("MMPUSH_PLUGIN") != "" {
		play(strings.TrimPrefix(filepath.Ext(os.Args[0]), "."))
		return
	}
	if path := os.Getenv("TEST_PLUGIN_OF_HOST"); path != "" {
		playHost(path)
		return
	}
	os.Exit(m.Run())
}

// playHost is an mmpush that waits for a plugin which hangs.
func playHost(path string) {
	sum, err := os.ReadFile(path + ".sum")
	if err != nil {
		panic(err)
	}
	v := NewVerifier(Pin{"actor", path, string(sum)}, Options{Config: config(part{Do: "hang"})})
	if _, err := v.running(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(v.plugin.process.limits.marker)
	_, _ = v.VerifyPlan(context.Background(), nil, plan.Plan{})
}

func play(role string) {
	info := Info{Name: role, Version: "1.2.3"}
	switch role {
	case "actor":
		a := &actor{}
		info.Configure = a.configure
		ServeVerifier(info, a)
	case "simple":
		ServeVerifier(info, simple{})
	case "carrier":
		a := &actor{}
		info.Configure = a.configure
		ServeTransport(info, func(context.Context, transport.Target, transport.Options) (transport.Transport, error) {
			return carrier{a}, nil
		})
	case "liar":
		s := &server{info: info, verifier: simple{}}
		l := &liar{server: s}
		s.info.Configure = l.configure
		config := serveConfig(s)
		config.Plugins = goplugin.PluginSet{pluginName: &served{repository: &s.repository, register: func(at *grpc.Server) {
			pluginpb.RegisterPluginServer(at, s)
			pluginpb.RegisterVerifierServer(at, l)
		}}}
		config.GRPCServer = func(o []grpc.ServerOption) *grpc.Server {
			return newServer(append(o, grpc.ForceServerCodecV2(&largeCodec{})))
		}
		go endWithHost(os.Stdin)
		goplugin.Serve(config)
	case "future":
		config := serveConfig(&server{info: info, verifier: simple{}})
		config.ProtocolVersion = 2
		goplugin.Serve(config)
	}
}

// role is the pin of the test binary in one of its roles.
func role(t testing.TB, name string) Pin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "p."+name)
	if err := os.Symlink(self, at); err != nil {
		t.Fatal(err)
	}
	return pinOf(t, name, at)
}

// pinOf pins what stands at a path.
func pinOf(t testing.TB, name, at string) Pin {
	t.Helper()
	f, err := os.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return Pin{name, at, hex.EncodeToString(h.Sum(nil))}
}

// script is the pin of a shell script.
func script(t testing.TB, text string) Pin {
	t.Helper()
	at := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(at, []byte("#!/bin/sh\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return pinOf(t, "script", at)
}

func config(p part) []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return text
}

// inspected is an upload that was read, in a folder of its own.
func inspected(t testing.TB, u mpktest.Upload) upload.Upload {
	t.Helper()
	up := opened(t, u)
	up, err := upload.Inspect(context.Background(), up, nil, upload.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

func opened(t testing.TB, u mpktest.Upload) upload.Upload {
	t.Helper()
	at := t.TempDir()
	name := u.In(t, at)
	d, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	up, findings, err := upload.Open(context.Background(), d, ".", filepath.Base(name))
	if err != nil || report.Refused(findings) {
		t.Fatal(findings, err)
	}
	return up
}
