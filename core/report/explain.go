package report

import "slices"

// explanations is a function and not a variable: nobody can change it.
func explanations() []Explanation {
	return slices.Concat(uploadExplanations(), changeExplanations(), toldExplanations(),
		checkExplanations(), verifierExplanations(), machineExplanations())
}

// uploadExplanations are about an upload.
func uploadExplanations() []Explanation {
	return []Explanation{
		{CodeYAML, "the manifest is not a YAML mapping",
			"A .mmpack-manifest is a YAML file with the keys name, version, source and binpkgs. This one could not be read at all. " +
				"It is usually cut short or was written by hand: build the package again, or compare it with one that mmpack-build wrote."},
		{CodeField, "a field is missing or has the wrong form",
			"Every file in a manifest needs file, sha256 (64 hexadecimal digits) and size (bytes). The manifest itself needs name, version, source and binpkgs. " +
				"The finding names the field and the line."},
		{CodeName, "a name that cannot be published",
			"Package names, source names and file names become names in the repository's folder. They start with a letter or digit, go on with letters, digits and . _ + ~ -, " +
				"have at most 255 bytes, and are none of the repository's own names (lock, metadata, binary-index.gz, source-index, pool, ...). " +
				"A path with a folder in it, or with .., is refused whatever it points to."},
		{CodeVersion, "a version that the client cannot use",
			"A version starts with a letter or digit, goes on with letters, digits and . _ + ~ -, and is not the word \"any\", which the client takes for every version. A ':' in it makes the client crash on install."},
		{CodeDuplicate, "the same thing is declared twice",
			"Two entries of the manifest have one key, or name one file. Which of them is meant cannot be known, so neither is published."},
		{CodeArch, "nothing for this architecture",
			"A repository serves one architecture and takes its own packages out of a manifest that may have several. This manifest has none for it. Publish it to the repository of its architecture."},
		{CodeMissing, "a declared file is not there",
			"Every file that the manifest names has to be beside it. Copy the packages and the source tarball into the manifest's folder, the manifest last."},
		{CodeSize, "a size differs from the manifest",
			"The file has another number of bytes than the manifest declares: it was cut short, or replaced after the manifest was written. Build again, or copy the file again."},
		{CodeHash, "a SHA-256 differs from the manifest",
			"The file has other bytes than the manifest declares: it was damaged on the way, or replaced after the manifest was written. Build again, or copy the file again."},
		{CodePackage, "a package that cannot be read",
			"A .mpk is a tar archive compressed with zstd. This one is not, or ends too early. Build it again with mmpack-build."},
		{CodeLimit, "an archive over the limits",
			"To keep one upload from filling the server's memory or disk, an archive may decode to 256 MiB plus 200 times its own size, use a zstd window of 8 MiB, and have 500,000 members. This one goes beyond. The repository's settings can say otherwise (`limits`)."},
		{CodeMember, "an archive member that must not be there",
			"A package's members are folders, files and links below the prefix it is installed in. An absolute path, a path with .., a device, a second member of the same name, or a path that leads through a link is refused: on install it would write outside the prefix."},
		{CodeMetadata, "MMPACK/metadata is missing or wrong",
			"Each .mpk carries exactly one MMPACK/metadata with name, version, source, srcsha256, sumsha256sums, pkginfo-path and sumsha-path. Build the package again with mmpack-build."},
		{CodePkginfo, "the pkginfo file is missing or wrong",
			"MMPACK/metadata names a pkginfo file in the package; it has to be there once and be one stanza with name, version, source, srcsha256, ghost and description."},
		{CodeMismatch, "manifest and package disagree",
			"The name, version or source in the manifest is not what the package itself says, so the index would describe something else than what gets installed. The manifest belongs to another build, or was edited."},
		{CodeSrcSHA, "a package was built from another source",
			"The package says which source tarball it was built from, by SHA-256; that is not the tarball of this upload. Publish the packages together with the source they were built from."},
		{CodeSumSHA, "the package's list of checksums does not match",
			"MMPACK/metadata declares the SHA-256 of the package's own sha256sums file, and the client checks installed files against that list. They differ: the package was changed after it was built."},
		{CodeText, "a text that would break the index",
			"Index files are lines of text. A control character, a line break in the wrong place or text that is not UTF-8 would add lines to the index, or crash the clients that read it."},
		{CodeGit, "an entry of a git tree that cannot be published",
			"Only ordinary files of a git tree are published. A manifest or a declared file that is a link, a submodule or a folder is refused, and so is a tree with a name in it that leads out of its folder. Commit the file itself."},
		{CodeLFS, "a Git LFS object is not on the server",
			"The file in git is a pointer, and the object that it points at is not in the server's LFS store, or not whole. `git lfs push --all REMOTE` sends what is missing; then push again."},
		{CodeBuild, "the build of a pushed commit failed",
			"The repository builds what is pushed to this ref, and the configured command has failed, printed too much or taken too long. Its last lines are shown; the whole log is on the server. Nothing of the build was published."},
	}
}

// changeExplanations are about an upload and what is published, and who asks.
func changeExplanations() []Explanation {
	return []Explanation{
		{CodeDowngrade, "a newer version is published already",
			"The repository serves a greater version of this package, by the client's own order. Clients that have it would not go back. If it is meant, use --allow-downgrade; the repository's setting `downgrade` decides whether that is enough."},
		{CodeConflict, "the same version is published with other bytes",
			"This name and version is published, with other content. Whoever installed it has those bytes. Raise the version, or, if the rebuild is meant, use --rebuild; the repository's setting `rebuild` decides whether that is enough. Files of an earlier build stay available for the grace time."},
		{CodeTakeOver, "the package belongs to another source",
			"A binary package of this name is published, built from a source of another name. Two teams may have chosen the same name. If the package has moved from one source to the other, use --take-over; the repository's setting `take-over` decides whether that is enough."},
		{CodeNoMatch, "nothing matches",
			"Nothing that is published, or no generation of the history, is what was asked for. `mmpush list` and `mmpush log` show what is there."},
		{CodeOvertaken, "a later change is in the way",
			"An undo takes back exactly what a change has done. Another change, or another program, has changed the same packages since, and what it did would be lost. " +
				"Take the later change back first (`mmpush log PACKAGE` shows it), go back to a whole state with `mmpush undo --to`, or publish what is meant."},
		{CodeExpired, "the files to bring back are gone",
			"What is replaced or removed stays for the repository's grace time and is deleted then. A stanza is brought back only if its file is still there with its bytes. Publish that version again."},
		{CodeParts, "parts of a source do not belong together",
			"Packages of one source for several architectures are published as one, and are all built from one source tarball, the same byte for byte. Two jobs that each make their own get two tarballs, since the dates in them differ. " +
				"Make it once, hand it to all jobs, and build every architecture from it. What waits and is out of date is dropped with `mmpush abort ID`; `mmpush status` shows the ids."},
		{CodeRights, "your rights do not cover this",
			"Each user has rights over sources, by name pattern, architecture and action (publish, rebuild, downgrade, take-over, remove, purge, undo, gc). The finding names the right that is missing. " +
				"Whoever runs the repository can give it."},
		{CodeLogin, "the login was refused",
			"The name, the password or the token is wrong, the account is suspended, the token has expired, or too many attempts have failed; which of these it is stands only in the server's log. Wait a little before the next attempt."},
		{CodeUsers, "the users file cannot be used",
			"The file of users has a line that cannot be read, a kind of hash that is too weak, or can be read by others. The message names the line. Nobody is let in by a file that is not understood."},
		{CodeConnection, "the connection failed",
			"The server could not be reached, or the connection to it was lost and did not come back in time. What has arrived is kept for you: the same command goes on where this one stopped."},
		{CodeCertificate, "the server's certificate is not trusted",
			"The server showed a certificate that nobody you trust has signed, or another one than the fingerprint that you have pinned. No password was sent. `mmpush serve --tls-self-signed` prints the fingerprint of its certificate: " +
				"compare it, by a way that you trust, with the one in the message, and pin it as tupkgs://HOST?fingerprint=sha256:..."},
		{CodeProtocol, "the other side does not speak the protocol as expected",
			"What answers there is no tupkg server, or one of another version. Check host and port. A server that speaks only version 1 is taken on request (?v=1), or if it has never spoken version 2 before: " +
				"a server that suddenly speaks the older version may be somebody who wants to read your password."},
		{CodeServer, "the server refused or failed",
			"The server took the login and then said no. The message is its own; a request number in it leads to the lines in the server's log."},
		{CodeBusy, "the server has no room now",
			"A quota, the disk or the number of sessions is used up, or another session of yours sends the same files. What has arrived is kept. Try later."},
		{CodeRemote, "the machine that ssh leads to has no mmpush that answers",
			"ssh got in, and `mmpush receive` did not answer there: mmpush is not installed where a command over ssh finds it, is older than this one, or a start-up file of the shell prints something for every command. " +
				"`ssh HOST mmpush version` shows what is there. MMPUSH_REMOTE (or --remote) names another program; a server without mmpush can take uploads by sftp:// into a drop folder that `mmpush watch` looks after."},
		{CodePusher, "it is not known who pushes",
			"The rights on this repository are given to users, and the push does not say which user it comes from: the configured variable is not set, or the push certificate is missing, not trusted or not about this push. `git push --signed` signs one. Whoever runs the server can say how users are recognised (`mmpush.identity`)."},
	}
}

// toldExplanations are told and refuse nothing.
func toldExplanations() []Explanation {
	return []Explanation{
		{CodeHealed, "a stanza was made safe for the client",
			"A stanza in the index had a form that makes the mmpack client crash or lose a value, as mmpack-modifyrepo writes it. It was written again in a form that both read exactly; its value is the same."},
		{CodeOutside, "another program has changed the indexes",
			"The indexes were not those that the last generation left: another program, such as mmpack-modifyrepo, has written them. What it did is recorded as a generation of its own, ahead of this one, so that the history stays whole. Nothing of it was changed."},
		{CodeRecovered, "an interrupted publish was finished",
			"An earlier run was killed, or the machine went down, after it had decided to publish. This run finished that publish first."},
		{CodeReplaced, "published packages are replaced on request",
			"The upload rebuilds, downgrades or takes over packages that are published, and the request or the repository's settings allow it."},
		{CodeSuperseded, "published, and replaced in the same moment",
			"A server publishes the uploads that have come at the same time together. This one was published, and another one of the same packages right behind it, so that clients see only that. Its files stay for the grace time, and taking the other one back (mmpush undo) brings this one back."},
		{CodeRoom, "retired files were deleted before their time",
			"Files that no index names any more stay for the grace time, for whoever holds an older index. These went earlier, the oldest first, because the disk was full or because they took more than the setting `retired-max` allows (10% of the file system by default). " +
				"Clients with an older index may have to update before they can install; undo cannot bring these files back."},
		{CodeMoved, "the repository has changed since you looked",
			"You were shown what would happen and agreed; meanwhile somebody has published or removed something, and it would be something else now. Nothing was changed. Run the command again."},
		{CodeDepends, "a package that stays depends on one that goes",
			"The removal takes away a package that another one, still published, names in its `depends`, and nothing else is published under that name. Clients will not be able to install it. Remove the other one too, or publish a new version of what is missing."},
		{CodeComplete, "the program after an upload has failed",
			"The upload was accepted, and nothing of it is lost. The server runs a program of its own after that (`serve --on-complete`), to generate a database for instance; it failed or took too long. Whoever runs the server finds its output in the log. Sending the same upload again runs it again."},
		{CodePacman, "what became of a pacman package",
			"The server publishes the packages of its incoming folder in a pacman repository (`serve --gensync`), and says of each what it did: added, replaced, unchanged. A package that is refused is told with its own code, and stays in the incoming folder; correct it and send it again."},
	}
}

// checkExplanations are what fsck finds.
func checkExplanations() []Explanation {
	return []Explanation{
		{CodeLost, "a published file is not there",
			"The index names a file that the repository's folder does not have, so clients fail to download it. `mmpush fsck --repair` puts it back if the same bytes are still somewhere in the repository; else push the upload again, or take the package out with `mmpush remove`."},
		{CodeDamaged, "a published file has other bytes than the index says",
			"Clients compare size and SHA-256 and refuse such a file. The disk may be failing, or somebody has written into the folder. `mmpush fsck --repair` puts the right bytes back if they are still somewhere in the repository; else push the upload again. Damaged bytes are set aside in .mmpush/rejected, not deleted."},
		{CodeForeign, "a file in the repository's folder that is nobody's",
			"No index names it, it is not waiting for the end of its grace time, and it is none of the repository's own. The web server shows it, and nothing will ever delete it. It may be left over from another tool. Look at it, then move it away, or tell fsck with --ignore that it belongs there."},
		{CodePair, "the two indexes do not fit together",
			"Each binary package names the source it was built from, which has to be in source-index, and a source stays as long as a package names it; no name stands twice. Another tool was interrupted, or one index was restored without the other. " +
				"Push the upload again to bring a source back; `mmpush remove --source NAME` takes a leftover out. What was meant cannot be known, so nothing is repaired."},
		{CodeStanza, "a stanza that no client can use",
			"An index stanza lacks a field that the client needs, or has a value that it cannot use: a path that leads out of the repository, a version with ':' in it, a SHA-256 that is none. Publish the package again, or take it out with `mmpush remove`."},
		{CodeDanger, "a stanza that crashes or misleads the client",
			"The mmpack client crashes on a stanza without a description or with a ':' in the first line of one, and drops dependencies that are written so. mmpack-modifyrepo writes such forms. `mmpush fsck --repair` writes them again in a form that every reader takes, the values unchanged; so does any publish."},
		{CodeMode, "a file or folder has the wrong mode",
			"Published files are 0644 and folders 0755, so that every web server can read them and nobody else can write; .mmpush is closed to others. `mmpush fsck --repair` sets the mode."},
		{CodeOwner, "a file has another owner than the repository",
			"It was written by another user, root for instance, so that the repository's own user may not be able to change it. `mmpush fsck --repair` gives it back if it runs as root."},
		{CodeRetired, "the list of retired files is wrong",
			"REPO/.mmpush/retired says which files wait for the end of their grace time. A line of it cannot be read, or a file of it is not there any more, or was copied since. `mmpush fsck --repair` writes the list anew from what holds."},
		{CodeCache, "the cache of the indexes lies",
			"What mmpush keeps of the index files in .mmpush/index-cache says other things than they do, although it is " +
				"of exactly these files. No accident of the disk does that, since the cache has a checksum: somebody or some " +
				"program wrote it. A publish that believes it may add a package a second time. fsck --repair deletes it; it is " +
				"made anew by the next publish."},
		{CodeLeftover, "something a killed process has left",
			"A stage, a temporary file or a partial upload that nobody works on. It is in nobody's way but takes room. `mmpush gc` and `mmpush fsck --repair` delete it."},
		{CodeLater, "the answer comes later",
			"A drop folder takes files without a word; its watcher publishes or rejects them afterwards. `mmpush push --wait` waits for the verdict. Without it, or if none came in time, the upload is \"accepted\" with exit code 8: " +
				"verdicts/MANIFEST.json in the drop folder says what became of it, and pushing again does no harm."},
	}
}

// verifierExplanations are what the verifiers that are built in find.
func verifierExplanations() []Explanation {
	return []Explanation{
		{CodeSigned, "the upload is signed",
			"A signature beside the manifest is good and counts: the note says whose it is. The manifest holds the SHA-256 of every file, so that who has signed it has signed all of them."},
		{CodeUnsigned, "the manifest, or the package, is not signed, or by too few",
			"The repository's settings want signatures over the manifest's exact bytes, in a file beside it: MANIFEST.sig, .asc or .minisig. `mmpush sign MANIFEST` makes one with your own key; push it together with the upload. " +
				"A package of pacman's is signed itself: `gpg --detach-sign FILE` writes FILE.sig, which goes with it. " +
				"Signatures that are there and do not count have findings of their own."},
		{CodeSignature, "a file of signatures that cannot be used",
			"The file beside the manifest is no detached signature of gpg, ssh-keygen -Y or minisign, holds something else besides, is cut short, or is no ordinary file. Take it away, or sign again."},
		{CodeSigner, "a signature of somebody who may not sign this",
			"The signature is of a key that the repository's settings do not name, or of somebody whom they do not let publish this source (`sources` of the verifier `signature`). Whoever runs the repository can add a key or a rule."},
		{CodeSignedOther, "a signature over other bytes",
			"The key is known, but what it has signed is not this manifest: it was changed after it was signed, or the signature was left over from an earlier build. Other good signatures do not help: somebody has meant something else. Take the file away, or sign again."},
		{CodeSignKey, "a signature whose key must not be used now",
			"The key, or the signature itself, has expired, is not valid yet or is revoked, or uses an algorithm that is no longer safe. The signature's own date does not help: who holds the key can write any date into it."},
		{CodeNamespace, "an SSH signature for another purpose",
			"Signatures of ssh-keygen -Y are for a namespace, so that one for a git commit cannot pass for one of a manifest. Here it is \"mmpush\"; and where the file of allowed signers limits a key to namespaces, that has to be among them."},
		{CodeFiles, "a package and its list of checksums do not agree",
			"Each package has a list of its files with their SHA-256; the client checks the installed files with it, and removes what it names. The verifier `contents` has found a file that is not listed, that is listed and not there, or that has other bytes. mmpack-build writes no such package: build it again. In a package of pacman's the list is .MTREE, and has types, sizes, modes and the targets of links besides."},
		{CodeSetUID, "a file that runs with the rights of its owner or group",
			"The setuid or the setgid bit lets whoever runs the file become its owner. Packages rarely need that; the verifier `contents` of the repository's settings names those files that may have it under `setuid`."},
		{CodeEscape, "a link out of the prefix",
			"mmpack installs in a prefix, which each user chooses. The link is absolute, or leads by .. above the prefix, so that it shows something else on every machine, or something that is none of the package's. Make it relative, to a file of a package; or let the repository's settings allow it (`outside-links` of the verifier `contents`)."},
		{CodeMachine, "a program for another machine",
			"The file is an ELF program or library whose header names another processor, word size or byte order than the architecture that the manifest declares the package for. A cross build went wrong, or a file was taken from elsewhere. Files that are meant so, such as firmware, are named under `machines` of the verifier `contents`."},
		{CodeOverlap, "two packages install the same file",
			"The client unpacks one over the other, and removes the file with whichever of them goes first. Move the file into one package on which the other depends; or name it under `shared` of the verifier `contents`. A file that moves from one package to another needs both published in one upload."},
		{CodeLists, "it is not known which files some packages install",
			"The verifier `contents` keeps a list of the files of each package in REPO/.mmpush/files. Packages that were published before it was in the settings have none; each change makes some (`learn`). Until all are there, a conflict with one of the others is not noticed. A list that is damaged counts as missing. Nothing is refused for this."},
		{CodeInstallable, "a package that clients could not install",
			"The verifier `installable` has looked at the `depends` of the packages as they would be after the change: no package in this repository, nor in those that its settings name under `bases`, meets one of them. `actual` says which versions are there. " +
				"A package that comes in needs what it depends on published before it, or in the same upload; a package that stays needs a new build for a library that is replaced by another one. What could not be installed before either is not told."},
		{CodeSource, "a source tarball that cannot be unpacked",
			"The verifier `source` reads the tarball as `mmpack source` and a rebuild would. It is no tar archive compressed with xz (or gzip or zstd, by its name), is cut short or damaged, or has a member that would be written outside of its folder. Make it again with mmpack-build."},
		{CodeSpecs, "a source tarball that is of something else",
			"The tarball has no mmpack/specs, or its `name` or `version` is not the manifest's: the packages were built from another source than the one that is published with them. `name` and `version` have to be lines of their own in mmpack/specs."},
		{CodeTag, "a source tarball that is not what is in git",
			"The repository's settings say which git repository and tag a source comes from (`git` of the verifier `source`). There is no such tag, or the tarball has other files than its commit: it was made from a checkout with changes, or the tag was moved. mmpack/src_orig_tracing does not count. Build from a clean checkout of the tag."},
		{CodePolicyName, "a name that this repository does not take",
			"The verifier `policy` in the repository's settings allows only some names of sources or packages, or denies this one. Choose another name, or ask whoever runs the repository."},
		{CodePolicySize, "larger than this repository takes",
			"A package, the source tarball, or all files of the upload together are larger than the verifier `policy` allows; \"unpacked\" is what the packages take when they are installed. The numbers are in bytes."},
		{CodePolicyVersion, "a version of another form than this repository wants",
			"The verifier `policy` holds every version against a regular expression, which has to match all of it. The expression is what was expected."},
		{CodePolicyField, "a field that this repository wants is empty",
			"The verifier `policy` wants every package to say something in that field of its pkginfo. Add it to the package's specs, and build again."},
		{CodePolicyChange, "a change that this repository forbids",
			"The verifier `policy` forbids downgrades, rebuilds, take-overs, removals or new sources for some sources, whatever flag, right or other setting would allow it, for pushes, removals and undo alike. Only whoever runs the repository can change the rule."},
		{CodeExec, "a program of the repository's operator has found something",
			"The verifier `exec` runs a program of the operator's choice, a virus scanner for instance, on the files of each upload. The message is the program's own. Ask whoever runs the repository what it means."},
		{CodeExecBroke, "a program of the repository's operator has given no answer",
			"The program that the verifier `exec` runs has to end with the exit status 0 or 1 in time, and to print less than 1 MiB. This one did not, or could not be run. Nothing is published without its answer: whoever runs the repository has to mend it."},
	}
}

// machineExplanations are about the repository and the machine.
func machineExplanations() []Explanation {
	return []Explanation{
		{CodeUsage, "the command line is wrong",
			"A flag or an argument is missing, unknown, or does not fit the others. `mmpush --help` and `mmpush VERB --help` show what there is."},
		{CodeConfig, "the configuration cannot be used",
			"A variable MMPUSH_*, or one of the files .mmpush.yaml in the project, ~/.config/mmpush/config.yaml and /etc/mmpush/config.yaml, has an unknown key or a value that cannot be meant. A project's .mmpush.yaml may be a stranger's pull request: it must not name programs or passwords, and no password is sent to a server that only it names. `mmpush config` shows each value and where it comes from."},
		{CodeNoRepo, "this is not a repository",
			"The folder is not there, or has no `metadata` file with the repository's architecture. `mmpush init DIR --arch ARCH` makes a repository; `push --init --arch ARCH` does it on the way."},
		{CodeSettings, "the repository's settings cannot be used",
			"REPO/.mmpush/settings.yaml holds an unknown key or a value that is not allowed; the message names the line. Or the file is not there, or another repository's, where a server needs it: " +
				"without it, what it asks of uploads would silently no longer be asked. Restore it from a backup; `mmpush serve --adopt` writes one for a repository that never had any."},
		{CodeIndex, "an index file is damaged",
			"binary-index.gz or source-index cannot be read. Nothing was changed. Restore both from a backup, or write them again with the tool that made them."},
		{CodeJournal, "the journal of an interrupted publish cannot be used",
			"REPO/.mmpush/journal says what an interrupted publish had decided; it is damaged, or was written by a newer mmpush. Nothing was changed. Use that version, or restore the file."},
		{CodeHistory, "the repository's history is damaged",
			"REPO/.mmpush/history has one line for each generation, and each names the SHA-256 of the one before. Lines that cannot be read, are missing or do not fit together are not left by a power loss: somebody has written into it. Nothing was changed. " +
				"Restore it from a backup, or move it away: then a new history begins, and undo does not know what was before."},
		{CodeLocked, "the repository is busy",
			"Another program holds the repository's lock. The message names it where it is known. Try later, or let mmpush wait longer with --lock-wait; under the name mmpack-modifyrepo, which has no such flag, it waits for an hour."},
		{CodeGone, "a repository that shares a decision is gone",
			"A publish in several repositories is one decision, and each names the others until all have done it. A process died in between, and one of the others is not where it was: its disk is not mounted, or it was moved or deleted. " +
				"Nothing more is published here until it is back, since nobody can tell what was decided, or see to it that all do it. If it is gone for good, `mmpush recover --forget TRANSACTION` goes on without it, and writes that down. " +
				"If the one that is gone is the first of them, it alone knows what was decided: the others then keep their files in .mmpush/rejected, and should it come back, it may publish its part alone. Push the upload again then; what is published already stays as it is."},
		{CodeClock, "an index file is dated in the future",
			"The repository's tools reload an index only when its time of change has grown, so a date far in the future makes them lose updates. Set the machine's clock, or set the file's date with touch."},
		{CodeDisk, "the disk refused",
			"Reading or writing failed: no space, no permission, a quota, or a defect. The message is the system's own. The published repository is as it was before, or as it is meant to be after, never between; run the same command again when there is room."},
		{CodePlugin, "a plugin cannot be used, or broke",
			"A verifier or a transport that the configuration or a flag names is a program of its own. Only the exact bytes that are pinned are run (`mmpush plugin check PATH` prints the pin), and what crashes, hangs, answers too much or contradicts itself is killed. " +
				"Nothing is published without an answer of every verifier. The message says which plugin it is, and what it printed last."},
		{CodeInternal, "a defect in mmpush",
			"This should not happen. Nothing is lost: the repository is as it was before or as it is meant to be after. Please report it with the message."},
		{CodeStopped, "stopped on request",
			"The work was interrupted before anything was published, or after it was. Run the same command again: it goes on where that is possible and does nothing twice."},
	}
}
