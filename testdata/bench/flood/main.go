// Command flood is many clients at once: it pushes every upload below a folder to a server
// on this machine, over so many connections, each with one login and its share of the
// uploads one after the other, by version 2 of the protocol. Every one has to be
// published.
//
//	MMPUSH_PASSWORD=… flood ADDRESS USER CONNECTIONS DIR
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("want an address, a user, a number of connections and a folder, not %q", args)
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(args[3], "*"))
	if err != nil {
		return err
	}
	sets := make([][]tupkg.Set, n)
	for i, folder := range folders {
		set, err := read(folder)
		if err != nil {
			return err
		}
		sets[i%n] = append(sets[i%n], set)
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	from := time.Now()
	for i := range n {
		all.Go(func() { errs[i] = push(args[0], args[1], sets[i]) })
	}
	all.Wait()
	fmt.Printf("%d uploads over %d connections: %d ms\n", len(folders), n, time.Since(from).Milliseconds())
	return errors.Join(errs...)
}

// read is an upload's files, in memory: what is measured is the server.
func read(folder string) (set tupkg.Set, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return set, err
		}
		sum := sha256.Sum256(text)
		set.Files = append(set.Files, tupkg.File{Name: filepath.Base(name), Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Content: bytes.NewReader(text)})
		if strings.HasSuffix(name, ".mmpack-manifest") {
			set.Manifest, set.ManifestFile = text, i
		}
	}
	return set, err
}

// push has one connection.
func push(addr, user string, sets []tupkg.Set) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	c, err := tupkg.Connect(context.Background(), conn, tupkg.ConnectOptions{
		Credentials: tupkg.Credentials{User: user, Password: tupkg.Password(os.Getenv("MMPUSH_PASSWORD"))},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, set := range sets {
		r, err := c.Push(context.Background(), set)
		if err == nil && r.Report.Result != report.Published {
			err = fmt.Errorf("not published: %+v %s", r.Report, r.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
