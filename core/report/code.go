package report

import "slices"

// Code is a stable name of a problem, such as "MP-SIZE". A released code keeps
// its meaning for good.
type Code string

// The codes. Each has an entry in explanations.
const (
	// About the upload: exit 3.
	CodeYAML      Code = "MP-YAML"
	CodeField     Code = "MP-FIELD"
	CodeName      Code = "MP-NAME"
	CodeVersion   Code = "MP-VERSION"
	CodeDuplicate Code = "MP-DUPLICATE"
	CodeArch      Code = "MP-ARCH"
	CodeMissing   Code = "MP-MISSING"
	CodeSize      Code = "MP-SIZE"
	CodeHash      Code = "MP-HASH"
	CodePackage   Code = "MP-PACKAGE"
	CodeLimit     Code = "MP-LIMIT"
	CodeMember    Code = "MP-MEMBER"
	CodeMetadata  Code = "MP-METADATA"
	CodePkginfo   Code = "MP-PKGINFO"
	CodeMismatch  Code = "MP-MISMATCH"
	CodeSrcSHA    Code = "MP-SRCSHA"
	CodeSumSHA    Code = "MP-SUMSHA"
	CodeText      Code = "MP-TEXT"
	CodeGit       Code = "MP-GIT"
	CodeLFS       Code = "MP-LFS"
	CodeBuild     Code = "MP-BUILD"

	// About the upload and what is published: exit 3 or 4.
	CodeDowngrade Code = "MP-DOWNGRADE"
	CodeConflict  Code = "MP-CONFLICT"
	CodeTakeOver  Code = "MP-TAKEOVER"
	CodeNoMatch   Code = "MP-NOMATCH"
	CodeMoved     Code = "MP-MOVED"
	CodeOvertaken Code = "MP-OVERTAKEN"
	CodeExpired   Code = "MP-EXPIRED"
	CodeParts     Code = "MP-PARTS"

	// About who asks: exit 5.
	CodeRights Code = "MP-RIGHTS"
	CodeLogin  Code = "MP-LOGIN"
	CodeUsers  Code = "MP-USERS"
	CodePusher Code = "MP-PUSHER"

	// About the way to a server: exit 3, 6 or 7.
	CodeConnection  Code = "MP-CONNECTION"
	CodeCertificate Code = "MP-CERTIFICATE"
	CodeProtocol    Code = "MP-PROTOCOL"
	CodeServer      Code = "MP-SERVER"
	CodeBusy        Code = "MP-BUSY"
	CodeRemote      Code = "MP-REMOTE"

	// Told, and refusing nothing.
	CodeHealed     Code = "MP-HEALED"
	CodeRecovered  Code = "MP-RECOVERED"
	CodeReplaced   Code = "MP-REPLACED"
	CodeSuperseded Code = "MP-SUPERSEDED"
	CodeLater      Code = "MP-LATER"
	CodeOutside    Code = "MP-OUTSIDE"
	CodeRoom       Code = "MP-ROOM"
	CodeDepends    Code = "MP-DEPENDS"
	CodeComplete   Code = "MP-COMPLETE"
	CodePacman     Code = "MP-PACMAN"

	// What fsck finds in a repository: exit 3.
	CodeLost     Code = "MP-LOST"
	CodeDamaged  Code = "MP-DAMAGED"
	CodeForeign  Code = "MP-FOREIGN"
	CodePair     Code = "MP-PAIR"
	CodeStanza   Code = "MP-STANZA"
	CodeDanger   Code = "MP-DANGER"
	CodeMode     Code = "MP-MODE"
	CodeOwner    Code = "MP-OWNER"
	CodeRetired  Code = "MP-RETIRED"
	CodeLeftover Code = "MP-LEFTOVER"
	CodeCache    Code = "MP-CACHE"

	// What the verifiers that are built in, and off by default, find.
	CodeSigned        Code = "MP-SIGNED"
	CodeUnsigned      Code = "MP-UNSIGNED"
	CodeSignature     Code = "MP-SIGNATURE"
	CodeSigner        Code = "MP-SIGNER"
	CodeSignedOther   Code = "MP-SIGNED-OTHER"
	CodeSignKey       Code = "MP-SIGN-KEY"
	CodePolicyName    Code = "MP-POLICY-NAME"
	CodePolicySize    Code = "MP-POLICY-SIZE"
	CodePolicyVersion Code = "MP-POLICY-VERSION"
	CodePolicyField   Code = "MP-POLICY-FIELD"
	CodePolicyChange  Code = "MP-POLICY-CHANGE"
	CodeExec          Code = "MP-EXEC"
	CodeExecBroke     Code = "MP-EXEC-BROKE"
	CodeNamespace     Code = "MP-NAMESPACE"

	// What the verifiers contents, installable and source find.
	CodeFiles       Code = "MP-FILES"
	CodeSetUID      Code = "MP-SETUID"
	CodeEscape      Code = "MP-ESCAPE"
	CodeMachine     Code = "MP-MACHINE"
	CodeOverlap     Code = "MP-OVERLAP"
	CodeLists       Code = "MP-LISTS"
	CodeInstallable Code = "MP-INSTALLABLE"
	CodeSource      Code = "MP-SOURCE"
	CodeSpecs       Code = "MP-SPECS"
	CodeTag         Code = "MP-TAG"

	// About the repository and the machine.
	CodeUsage    Code = "MP-USAGE"
	CodeConfig   Code = "MP-CONFIG"
	CodeNoRepo   Code = "MP-NOREPO"
	CodeSettings Code = "MP-SETTINGS"
	CodeIndex    Code = "MP-INDEX"
	CodeJournal  Code = "MP-JOURNAL"
	CodeHistory  Code = "MP-HISTORY"
	CodeLocked   Code = "MP-LOCKED"
	CodeGone     Code = "MP-GONE"
	CodeClock    Code = "MP-CLOCK"
	CodeDisk     Code = "MP-DISK"
	CodePlugin   Code = "MP-PLUGIN"
	CodeInternal Code = "MP-INTERNAL"
	CodeStopped  Code = "MP-STOPPED"
)

// Kind is the class of failure that a refusing finding of this code means.
func (c Code) Kind() Kind {
	switch c {
	case CodeConflict, CodeTakeOver, CodeOvertaken:
		return KindConflict
	case CodeRights, CodeLogin, CodePusher:
		return KindDenied
	}
	return KindRejected
}

// Explanation is what `mmpush explain` prints about one code.
type Explanation struct {
	Code Code `json:"code"`
	// Title is one line; Text is a few sentences: what it means, why mmpush is
	// strict about it, what to do.
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Explain returns the explanation of one code.
func Explain(c Code) (Explanation, bool) {
	e := explanations()
	i := slices.IndexFunc(e, func(x Explanation) bool { return x.Code == c })
	if i < 0 {
		return Explanation{}, false
	}
	return e[i], true
}

// Explanations returns all of them, in the order of the documentation.
func Explanations() []Explanation { return explanations() }
