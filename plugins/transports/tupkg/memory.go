package tupkg

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// Memory is what earlier runs have learned about servers: a folder with one small file
// for each address, and one for each certificate. With a nil FS nothing is remembered.
type Memory struct{ FS vfs.FS }

// Record is what is known of one server.
type Record struct {
	// Server is its address, or the fingerprint of its certificate.
	Server string `json:"server"`
	// Version is the highest version of the protocol that it has spoken; 0 is unknown.
	Version int `json:"version,omitempty"`
	// Dialect is its dialect of version 1, as [wire.Dialect] writes it.
	Dialect string `json:"dialect,omitempty"`
	// Since is when this was last learned.
	Since time.Time `json:"since,omitzero"`
}

// recordLimit is more than a record has bytes.
const recordLimit = 16 << 10

// Recall returns what is known of a server; a zero Record if nothing is. What cannot be
// read is an error: who cannot tell whether a server has spoken version 2 must not
// assume that it has not.
func (m Memory) Recall(server string) (Record, error) {
	var r Record
	if m.FS == nil || server == "" {
		return r, nil
	}
	text, err := vfs.ReadFile(m.FS, recordName(server), recordLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Server != server {
		err = fmt.Errorf("%s is about another server", recordName(server))
	}
	return r, err
}

// Keep writes what is known of a server, if it is news.
func (m Memory) Keep(r Record) error {
	if m.FS == nil || r.Server == "" {
		return nil
	}
	old, err := m.Recall(r.Server)
	if err == nil && old.Version >= r.Version && (old.Dialect == r.Dialect || r.Dialect == "") {
		return nil
	}
	r.Version = max(r.Version, old.Version)
	if r.Dialect == "" {
		r.Dialect = old.Dialect
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	name := recordName(r.Server)
	return vfs.ReplaceFile(m.FS, name, fmt.Sprintf(".%s.%d", name, time.Now().UnixNano()), 0o600, append(text, '\n'))
}

// recordName is a name that every file system takes.
func recordName(server string) string {
	sum := sha256.Sum256([]byte(server))
	return hex.EncodeToString(sum[:12]) + ".json"
}

// dialect is the remembered dialect.
func (r Record) dialect() (wire.Dialect, bool) {
	d, err := wire.ParseDialect(r.Dialect)
	return d, err == nil
}
