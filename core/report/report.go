package report

import "time"

// Schema is the version of the JSON document that [Report] marshals to.
const Schema = 1

// Result is the verdict over one publish.
type Result string

const (
	// Published: the repository serves the upload now.
	Published Result = "published"
	// Unchanged: the repository served exactly this already.
	Unchanged Result = "unchanged"
	// Restored: the index named it already; a missing or damaged file, or a
	// damaged stanza, was put back from the upload.
	Restored Result = "restored"
	// Removed: packages were taken out of the index.
	Removed Result = "removed"
	// Undone: a change was taken back.
	Undone Result = "undone"
	// Planned: a dry run; nothing was written.
	Planned Result = "planned"
	// Rejected: refused; the repository is as it was.
	Rejected Result = "rejected"
	// Verified: `check` found nothing wrong; no repository was involved.
	Verified Result = "verified"
	// Accepted: the files have arrived, and are not public yet, or nobody can tell.
	Accepted Result = "accepted"
	// Created: a new repository was made.
	Created Result = "created"
)

// Action is what happens to one package.
type Action string

const (
	ActionAdd       Action = "added"
	ActionReplace   Action = "replaced"
	ActionRemove    Action = "removed"
	ActionKeep      Action = "unchanged"
	ActionRestore   Action = "restored"
	ActionHeal      Action = "healed"
	ActionVerify    Action = "verified"
	ActionDowngrade Action = "downgraded"
	ActionRebuild   Action = "rebuilt"
)

// PackageKind tells binary from source packages.
type PackageKind string

const (
	Binary PackageKind = "binary"
	Source PackageKind = "source"
)

// Package is one line of a report: a package and what happened to it.
type Package struct {
	Kind    PackageKind `json:"kind"`
	Name    string      `json:"name"`
	Version string      `json:"version"`
	// Previous is the version that was published before, where there was one.
	Previous     string `json:"previous,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	Action       Action `json:"action"`
	// File is the path below the repository, with forward slashes.
	File   string `json:"file,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// Origin is the architecture of a binary package, or "source".
func (p Package) Origin() string {
	if p.Kind == Binary && p.Architecture != "" {
		return p.Architecture
	}
	return string(p.Kind)
}

// Report is what one publish did, or would do.
type Report struct {
	Schema int    `json:"schema"`
	Result Result `json:"result"`
	// Manifest is the manifest's file name.
	Manifest string `json:"manifest,omitempty"`
	// Repository is the target as the user named it.
	Repository   string `json:"repository,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	// Generation is the number of the commit that this report is about; 0 when
	// nothing was committed.
	Generation uint64    `json:"generation,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	// Undoes is what an undo takes back, such as "generation 7".
	Undoes string `json:"undoes,omitempty"`
	// Packages are in the order of the manifest, then what was removed.
	Packages []Package `json:"packages,omitempty"`
	// BytesAdded is the size of the files that were, or would be, added.
	BytesAdded int64 `json:"bytes_added,omitempty"`
	// BytesRetired is the size of the files that are no longer named and stay
	// for the grace time.
	BytesRetired int64 `json:"bytes_retired,omitempty"`
	// Kept is the id under which a server keeps what it has rejected, with this
	// report, until that expires; whoever runs the server finds it by that.
	Kept string `json:"kept,omitempty"`
	// Set is the set of repositories that this report is about, and Repositories are the
	// reports of each; Packages are those of all.
	Set          string   `json:"set,omitempty"`
	Repositories []Report `json:"repositories,omitempty"`
	// Waiting is what an accepted part of a set waits for.
	Waiting  *Waiting  `json:"waiting,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
}

// Waiting is a source of which some parts are there, and that is published when all are.
type Waiting struct {
	// ID names it, for `status` and `abort`.
	ID      string `json:"id"`
	Set     string `json:"set"`
	Source  string `json:"source"`
	Version string `json:"version"`
	SHA256  string `json:"source_sha256"`
	// Parts are there; Missing are the architectures that are not.
	Parts   []Part   `json:"parts"`
	Missing []string `json:"missing,omitempty"`
	// Until is when the parts are dropped if the others have not come.
	Until time.Time `json:"until"`
}

// Part is what has come for one architecture.
type Part struct {
	Architecture string    `json:"architecture"`
	Manifest     string    `json:"manifest"`
	Who          string    `json:"who,omitempty"`
	Transport    string    `json:"transport,omitempty"`
	Time         time.Time `json:"time"`
	// Size is that of its files, in bytes.
	Size int64 `json:"size"`
	// Published: the repository serves exactly this already.
	Published bool `json:"published,omitempty"`
}
