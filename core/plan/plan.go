package plan

import (
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Addition is what one upload wants published: the stanzas as they will stand in
// the indexes, with base names as file names.
type Addition struct {
	// Manifest is the manifest's file name, for messages.
	Manifest string       `json:"manifest"`
	Source   index.Source `json:"source"`
	// Binaries are in the manifest's order.
	Binaries []index.Binary `json:"binaries"`
	Requests Requests       `json:"requests,omitzero"`
}

// Requests are what the publisher asked for beyond an ordinary publish.
type Requests struct {
	Rebuild   bool `json:"rebuild,omitempty"`
	Downgrade bool `json:"downgrade,omitempty"`
	TakeOver  bool `json:"take_over,omitempty"`
}

// Permission is what a repository's settings say about one kind of request.
type Permission string

// The permissions. The zero value is Ask.
const (
	// Ask: allowed if the publisher asks for it (the default).
	Ask Permission = "ask"
	// Allow: allowed without asking.
	Allow Permission = "allow"
	// Never: refused, asked for or not.
	Never Permission = "never"
)

// Rules are the permissions that hold for one source.
type Rules struct {
	Rebuild, Downgrade, TakeOver Permission
}

// Intent is what was asked for, in the form that can be planned again on another
// View: exactly one of the fields is set.
type Intent struct {
	Add    *Addition       `json:"add,omitempty"`
	Remove *index.Selector `json:"remove,omitempty"`
	Drop   *Drop           `json:"drop,omitempty"`
	Heal   *Healing        `json:"heal,omitempty"`
	Undo   *Reversal       `json:"undo,omitempty"`
}

// Taken is what stands at a path of the repository.
type Taken struct {
	Exists bool
	Size   int64
	// SHA256 is empty if nobody knows it: then the bytes count as other bytes.
	SHA256 string
}

// File is one published file.
type File struct {
	// Name is the base name under which the upload has it.
	Name string `json:"name"`
	// Path is below the repository, with forward slashes.
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Plan is what a change would do. It is data: nothing has happened yet.
type Plan struct {
	Edit index.Edit
	// Puts are the files of the upload that have to be placed; files that are
	// there with their bytes are not among them.
	Puts []File
	// Retires are published files that no stanza names after the change.
	Retires []File
	// Dropped are in the order of the index, the binaries first. A stanza that was
	// only written in a safer form is not among them; where somebody else left
	// several of one name, the last one is, since an index takes back only one.
	Dropped []Dropped
	// Added names the stanzas that come in, in the edit's order. One that is only
	// written in a safer form is not among them.
	Added []Added
	// Packages is one line for each package that the change is about; of a rejected
	// plan they tell what would have happened. Architecture is left to the caller.
	Packages []report.Package
	// Findings are the rules' answers; one that refuses means: do not commit.
	Findings []report.Finding
	// Result is Published, Unchanged, Restored, Removed, Undone or Rejected. A rejected plan
	// has nothing but Packages and Findings.
	Result report.Result

	after *index.Snapshot
}

// TakeAfter returns what the edit makes of the indexes, once: the plan does not keep it. It
// is nil if the edit changes nothing.
func (p *Plan) TakeAfter() *index.Snapshot {
	after := p.after
	p.after = nil
	return after
}
