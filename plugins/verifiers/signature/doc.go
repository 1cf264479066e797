// Package signature is the verifier "signature": who has signed an upload's manifest.
//
// In: an upload with the bytes of its manifest and the files of signatures beside it
// ([upload.Upload].Text and .Signatures), and keys from the repository's settings. Out:
// a finding about each signature that does not count, one if too few count, and a note
// that says who has signed. The manifest holds the SHA-256 of every file, so that who
// has signed it has signed all of them.
//
// A signature is of OpenPGP, of minisign or of ssh-keygen -Y (namespace "mmpush"), over
// the manifest's exact bytes. It counts if it is by a known key that may be used now,
// and if the settings let one of the key's owners publish the source:
//
//	openpgp: [team.asc]          files with keys, armored or not
//	minisign:                    public keys, each with its owner
//	  - {signer: carol, key: RWQ..., valid-before: "20270101Z"}
//	ssh: [allowed_signers]       files as of ssh-keygen(1), ALLOWED SIGNERS
//	sources:                     the first pattern that matches decides; without
//	  - {source: "lib*", signers: ["*@example.org", carol]}      this key: any signer
//	need: 1                      how many different signers have to have signed
//
// Files are below REPO/.mmpush. The owners of an OpenPGP key are the addresses in its
// user names and its fingerprint; those of an SSH key are its principals, which may be
// patterns. A key that has expired, or is revoked, counts for nothing, whenever the
// signature says that it was made: its holder could write any date into it. Keys whose owners
// have a name in common, whatever their format, are of one signer.
//
// It promises: no key is fetched from anywhere; a signature over other bytes refuses
// the upload even if others are good; a finding never depends on the order of files.
//
// A package of pacman's has no manifest: its own detached signature, the .sig beside it,
// is looked at, with the OpenPGP keys; the source is its pkgbase.
//
// It imports alpm, config, report, upload and verify of ours, and the libraries of the three formats.
// It may change at any release.
package signature
