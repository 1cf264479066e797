package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/vfs"
)

// scriptUsersFile has the users of the scripts' servers: me may do everything that a push
// can ask for, nobody nothing. The password is [servePassword].
var scriptUsersFile = sync.OnceValues(func() (*access.File, error) {
	hash, err := access.NewHash(access.NewSecret(servePassword))
	if err != nil {
		return nil, err
	}
	all, err := access.ParseRight("*:*:publish,rebuild,downgrade,take-over")
	if err != nil {
		return nil, err
	}
	f, err := access.New("users").Add("me", hash, []access.Right{all})
	if err == nil {
		f, err = f.Add("nobody", hash, nil)
	}
	return f, err
})

var scriptUsers = sync.OnceValues(func() (*access.Authenticator, error) {
	f, err := scriptUsersFile()
	if err != nil {
		return nil, err
	}
	return access.NewAuthenticator(f, access.Stamp{}, access.Options{}), nil
})

const servePassword = "s3cret+%"

// serveScript is `serving NAME REPO [tls] [full]`: a server of the repository until the end
// of the script. $NAME is its address, $NAME_FINGERPRINT that of its certificate. full:
// its disk is.
func serveScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serving NAME REPO [tls] [full]")
	}
	path := ts.MkAbs(args[1])
	folder, err := vfs.OpenDir(path)
	ts.Check(err)
	users, err := scriptUsers()
	ts.Check(err)
	r, err := pipeline.Open(folder, path)
	ts.Check(err)
	ts.Check(r.Prepare())
	o := server.Options{
		Open:  func() (*repo.Repo, error) { return pipeline.Open(folder, path) },
		Users: users, State: folder, Dir: repo.MetaDir, Required: new(app).required,
	}
	if slices.Contains(args, "full") {
		o.Free = func() (int64, error) { return 0, nil }
	}
	s, err := server.New(o)
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	if slices.Contains(args, "tls") {
		text, err := newCertificate()
		ts.Check(err)
		pair, err := tls.X509KeyPair(text, text)
		ts.Check(err)
		sum := sha256.Sum256(pair.Certificate[0])
		ts.Setenv(args[0]+"_FINGERPRINT", hex.EncodeToString(sum[:]))
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{server.ALPN}, Certificates: []tls.Certificate{pair}})
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- s.Serve(ctx, l) }()
	ts.Defer(func() {
		stop()
		<-over
		_ = s.Close()
		_ = folder.Close()
	})
}

// writeSettings is `settings FILE HOST:PORT`: the historical client's file.
func writeSettings(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: settings FILE HOST:PORT")
	}
	host, port, err := net.SplitHostPort(args[1])
	ts.Check(err)
	text := "# the uploader\n[tupkg]\nusername = me\npassword: " + servePassword + " ; a comment\nhost = " + host + "\nport = " + port + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
