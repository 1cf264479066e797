package main

import (
	"path/filepath"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

// verifierCodes are those of the verifiers that are built in.
func verifierCodes() map[report.Code]codeCase {
	return map[report.Code]codeCase{
		report.CodePolicyName:    verified("policy: {config: {packages: {deny: [\"lib*\"]}}}"),
		report.CodePolicySize:    verified("policy: {config: {size: {package: 1KiB}}}"),
		report.CodePolicyVersion: verified("policy: {config: {version: x}}"),
		report.CodePolicyField:   verified("policy: {config: {fields: [sysdepends]}}"),
		report.CodePolicyChange:  verified("policy: {config: {changes: [{source: \"*\", forbid: [new]}]}}"),
		report.CodeExec:          verified("exec: {config: {run: [/bin/sh, -c, \"echo bad; exit 1\"]}}"),
		report.CodeExecBroke:     verified("exec: {config: {run: [/bin/sh, -c, \"exit 3\"]}}"),
		report.CodeInstallable: func(w *codeWorld) []coded {
			w.settings("verifiers:\n    installable: {config: {}}")
			return w.packaged(mpktest.Package{Depends: "nothing (>= 1)"})
		},
		report.CodeUnsigned:  func(w *codeWorld) []coded { w.signers("me@x"); return w.publish(fooUpload) },
		report.CodeSigned:    func(w *codeWorld) []coded { w.signers("me@x"); return w.push(w.signed()) },
		report.CodeSignKey:   func(w *codeWorld) []coded { w.signers(`me@x valid-before="20200101"`); return w.push(w.signed()) },
		report.CodeNamespace: func(w *codeWorld) []coded { w.signers(`me@x namespaces="mail"`); return w.push(w.signed()) },
		report.CodeSignedOther: func(w *codeWorld) []coded {
			w.signers("me@x")
			m := w.signed()
			w.write(m, mustRead(w.t, m)+"# \n")
			return w.push(m)
		},

		report.CodeSignature: func(w *codeWorld) []coded {
			w.signers("me@x")
			m := w.signed()
			w.write(m+".sig", "rubbish")
			return w.push(m)
		},
		report.CodeSigner: func(w *codeWorld) []coded {
			w.signers("me@x", "sources: [{source: foo, signers: [you@x]}]")
			return w.push(w.signed())
		},
		report.CodeFiles:  installing(mpktest.Package{Extra: []mpktest.Member{{Name: "./bin/unlisted"}}}),
		report.CodeSetUID: installing(mpktest.Package{Files: []mpktest.Member{{Name: "./bin/su", Mode: 0o4755}}}),
		report.CodeEscape: installing(mpktest.Package{Files: []mpktest.Member{{Name: "./etc", Type: '2', Link: "/etc"}}}),
		// The first bytes of a program for arm64.
		report.CodeMachine: installing(mpktest.Package{Files: []mpktest.Member{{Name: "./bin/foo", Body: "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"}}}),
		report.CodeOverlap: installing(mpktest.Package{Files: []mpktest.Member{{Name: "./bin/greet"}}}),
		report.CodeLists: func(w *codeWorld) []coded {
			w.publish(greetUpload)
			w.settings("verifiers:\n    contents: {config: {learn: 0}}")
			return w.publish(fooUpload)
		},
		report.CodeSource: sourced(mpktest.Member{Name: "../evil"}),
		report.CodeSpecs:  sourced(mpktest.Member{Name: "./mmpack/specs", Body: "name: other\nversion: 1.0.0\n"}),
		report.CodeTag: func(w *codeWorld) []coded {
			bare := filepath.Join(w.dir, "foo.git")
			w.git("init", "-q", "--bare", bare)
			w.settings("verifiers:\n    source: {config: {git: [{source: foo, repository: " + bare + ", tag: \"v{version}\"}]}}")
			return w.publish(fooUpload)
		},
	}
}

// verified publishes a genuine upload where the settings ask for a verifier.
func verified(settings string) codeCase {
	return func(w *codeWorld) []coded {
		w.settings("verifiers:\n    " + settings)
		return w.publish(fooUpload)
	}
}

// installing publishes a package beside others where somebody looks what it installs.
func installing(p mpktest.Package) codeCase {
	return func(w *codeWorld) []coded {
		w.publish(greetUpload)
		w.settings("verifiers:\n    contents: {}")
		return w.packaged(p)
	}
}

// sourced publishes a source tarball with that in it where somebody looks into it.
func sourced(member mpktest.Member) codeCase {
	return func(w *codeWorld) []coded {
		w.settings("verifiers:\n    source: {}")
		return w.made(mpktest.Upload{SourceFiles: []mpktest.Member{member}})
	}
}
