package plugins

import (
	goplugin "github.com/hashicorp/go-plugin"
)

// ProtocolVersion is the version of the plugin protocol that this package speaks
// (pluginpb/plugin.proto).
const ProtocolVersion = 1

// Kind is what a plugin can do.
type Kind string

// The kinds.
const (
	KindVerifier  Kind = "verifier"
	KindTransport Kind = "transport"
)

// Info is what a plugin says of itself.
type Info struct {
	// Name and Version are as the author calls it; both are needed.
	Name, Version string
	// NeedsNoFiles is for a verifier that never opens a file of the upload: then no
	// copy of them is made for it, and the upload has no FS.
	NeedsNoFiles bool
	// Configure, if not nil, gets what the configuration has under "config:", as a
	// JSON object; nil if there is nothing. It is called once, ahead of any work. If
	// it is nil, a configuration is an error.
	Configure func(config []byte) error
}

// The limits of the wire.
const (
	// maxAnswer bounds a message of a plugin, and all messages of one call, in bytes.
	maxAnswer = 16 << 20
	// maxRequest bounds what a plugin is sent, in bytes: the list of members of a large
	// upload.
	maxRequest = 256 << 20
	// maxFindings bounds the findings of one call.
	maxFindings = 10_000
	// maxElements bounds what one message of a plugin lists, in all it holds: the packages
	// and the findings of a report.
	maxElements = 100_000
)

// handshake tells our plugins from others, and from programs that somebody starts by
// hand. It is no secret.
func handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion: ProtocolVersion, MagicCookieKey: "MMPUSH_PLUGIN", MagicCookieValue: "started-by-mmpush",
	}
}

// pluginName is the name of the one set of services in a plugin.
const pluginName = "mmpush"
