package tupkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/report"
)

// The JSON messages of version 2; doc.go says what their fields mean. Unknown fields
// are ignored, and what is not set is left out.

type loginMessage2 struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Agent    string `json:"agent,omitempty"`
}

type welcomeMessage struct {
	Version int     `json:"version"`
	Agent   string  `json:"agent,omitempty"`
	Limits  limits2 `json:"limits"`
	// Architectures are those that the server publishes for this user; empty is
	// unknown.
	Architectures []string `json:"architectures,omitempty"`
}

// limits2 are the limits that a client should know before it declares.
type limits2 struct {
	Files        int   `json:"files"`
	FileBytes    int64 `json:"file_bytes"`
	UploadBytes  int64 `json:"upload_bytes"`
	MessageBytes int   `json:"message_bytes"`
}

type uploadMessage struct {
	ID    uint32         `json:"id"`
	Files []declaredFile `json:"files"`
	// Manifest is base64 in the JSON; ManifestFile is the number of the file that
	// it is the content of.
	Manifest     []byte `json:"manifest,omitempty"`
	ManifestFile int    `json:"manifest_file,omitempty"`
	DryRun       bool   `json:"dry_run,omitempty"`
	Wishes
}

type declaredFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type offerMessage struct {
	ID   uint32  `json:"id"`
	Held []int64 `json:"held"`
}

type cancelMessage struct {
	ID uint32 `json:"id"`
}

type progressMessage struct {
	ID uint32 `json:"id"`
	Progress
}

type verdictMessage struct {
	ID     uint32        `json:"id"`
	Files  []FileVerdict `json:"files"`
	Report report.Report `json:"report"`
}

type errorMessage struct {
	// ID is the upload's; 0 ends the connection.
	ID       uint32           `json:"id"`
	Code     Code             `json:"code"`
	Reason   string           `json:"reason"`
	Hint     string           `json:"hint,omitempty"`
	Findings []report.Finding `json:"findings,omitempty"`
}

func (m errorMessage) refusal() *Refusal {
	return &Refusal{Code: m.Code, Reason: plainText(m.Reason), Hint: plainText(m.Hint), Findings: m.Findings}
}

// decode reads a JSON message. The error does not show what was sent: it may be a
// password.
func decode(m message2, into any) error {
	// The decoder would replace what is not UTF-8, and so change a name.
	if !utf8.Valid(m.body) || json.Unmarshal(m.body, into) != nil {
		return fault(m.kind.String(), "it is not the JSON object that this message is")
	}
	return nil
}

// decodeUpload reads and checks a declaration.
func decodeUpload(m message2, l Limits) (uploadMessage, error) {
	var u uploadMessage
	// Before a list is built in memory, its length is bounded.
	if n := bytes.Count(m.body, []byte("{")); n > l.UploadFiles+2 {
		return u, &Refusal{Code: CodeLimit, Reason: fmt.Sprintf("more than the %d files are declared that this server takes at once", l.UploadFiles)}
	}
	if err := decode(m, &u); err != nil {
		return u, err
	}
	if err := checkSet(u.declared(), l.UploadFiles, l); err != nil {
		return u, err
	}
	for i, f := range u.Files {
		if len(f.SHA256) != hex.EncodedLen(sha256.Size) || !isHex(f.SHA256) || f.SHA256 != strings.ToLower(f.SHA256) {
			return u, fault(shown(f.Name), "%s is not a SHA-256 in lower-case hexadecimal", shown(f.SHA256))
		}
		if i == u.ManifestFile && u.Manifest != nil {
			if sum := sha256.Sum256(u.Manifest); hex.EncodeToString(sum[:]) != f.SHA256 {
				return u, fault(shown(f.Name), "the manifest in the declaration has another SHA-256 than the file")
			}
		}
	}
	if u.Manifest != nil && (u.ManifestFile < 0 || u.ManifestFile >= len(u.Files)) {
		return u, fault("manifest_file", "there is no file of number %d", u.ManifestFile)
	}
	return u, nil
}

func (u uploadMessage) declared() []Declared {
	files := make([]Declared, len(u.Files))
	for i, f := range u.Files {
		files[i] = Declared{Name: f.Name, Size: f.Size, SHA256: f.SHA256}
	}
	return files
}

// splitData takes a DATA frame apart.
func splitData(body []byte) (id, file uint32, data []byte, err error) {
	if len(body) <= dataHead {
		return 0, 0, nil, fault("DATA", "it has %d bytes; an id, a number and at least one byte were expected", len(body))
	}
	return binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]), body[dataHead:], nil
}
