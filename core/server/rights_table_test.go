package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// deed is something that an upload does to the repository of the table, in which
// team-a 1.0 has the packages team-a and team-a-doc, and other 1.0 the package tool.
type deed struct {
	letter rune
	name   string
	upload mpktest.Upload
}

func deeds(arch string) []deed {
	up := func(name, version, salt string, packages ...string) mpktest.Upload {
		u := mpktest.Upload{Name: name, Version: version, Arch: arch, Salt: salt}
		for _, p := range packages {
			u.Packages = append(u.Packages, mpktest.Package{Name: p})
		}
		return u
	}
	return []deed{
		{'p', "publish a new source", up("team-b", "1.0", "")},
		{'n', "publish a new version", up("team-a", "2.0", "", "team-a", "team-a-doc")},
		{'r', "rebuild a version", up("team-a", "1.0", "again", "team-a", "team-a-doc")},
		{'s', "rebuild a version with a package less", up("team-a", "1.0", "", "team-a")},
		{'d', "downgrade", up("team-a", "0.9", "", "team-a", "team-a-doc")},
		{'t', "take another team's package over", up("team-b", "1.0", "theirs", "team-b", "tool")},
		{'o', "publish the other team's source", up("other", "2.0", "", "tool")},
		{'T', "take a package over as the other team", up("other", "2.0", "ours", "tool", "team-a-doc")},
		{'x', "publish a source that begins alike", up("team", "1.0", "")},
	}
}

// rightsTable says what each user may do, on each architecture. It is written down by
// hand from the documentation of the rights, not made by the program: a letter of a
// deed is there if it is allowed.
func rightsTable() []struct{ user, rights, amd64, arm64 string } {
	return []struct{ user, rights, amd64, arm64 string }{
		{"none", "", "", ""},
		{"publisher", "team-*", "pn", "pn"},
		{"exact", "team-a", "n", "n"},
		{"one-letter", "team-?", "pn", "pn"},
		{"all-sources", "*", "pnox", "pnox"},
		{"rebuilder", "team-*:*:publish,rebuild", "pnrs", "pnrs"},
		{"downgrader", "team-*:*:publish,downgrade", "pnd", "pnd"},
		{"taker", "team-*:*:publish,take-over", "pn", "pn"},
		{"taker-of-both", "team-*:*:publish,take-over other:*:take-over", "pnt", "pnt"},
		{"other-side-only", "team-*:*:publish other:*:take-over", "pn", "pn"},
		{"other-team", "other:*:publish,rebuild,downgrade,take-over", "o", "o"},
		{"other-and-ours", "other:*:publish,take-over team-a:*:take-over", "oT", "oT"},
		{"rebuild-only", "team-*:*:rebuild,downgrade,take-over", "", ""},
		{"janitor", "*:*:remove,purge,undo,gc", "", ""},
		{"amd64-only", "team-*:amd64-debian:publish,rebuild,downgrade", "pnrsd", ""},
		{"mixed", "team-*:amd64-debian team-*:arm64-*:publish,rebuild", "pn", "pnrs"},
		{"two-lines", "team-*:*:publish team-a:*:rebuild team-a:arm64-debian:downgrade", "pnrs", "pnrsd"},
		{"everything", "*:*:publish,rebuild,downgrade,take-over", "pnrsdtoTx", "pnrsdtoTx"},
	}
}

// tableUsers are the users of the table.
func tableUsers(t *testing.T) *access.Authenticator {
	t.Helper()
	hash, err := access.NewHash(access.NewSecret(password))
	if err != nil {
		t.Fatal(err)
	}
	f := access.New("users")
	for _, row := range rightsTable() {
		var rights []access.Right
		for text := range strings.FieldsSeq(row.rights) {
			r, err := access.ParseRight(text)
			if err != nil {
				t.Fatal(err)
			}
			rights = append(rights, r)
		}
		if f, err = f.Add(row.user, hash, rights); err != nil {
			t.Fatal(err)
		}
	}
	return access.NewAuthenticator(f, access.Stamp{}, access.Options{})
}

// tableDisk is the repository of the table: its settings allow everything, so that the
// rights alone decide, in version 1 too, which cannot ask.
func tableDisk(t *testing.T, arch string) *vfs.Mem {
	t.Helper()
	disk := newDisk(t, arch, "rebuild: allow", "downgrade: allow", "take-over: allow")
	publish(t, disk, mpktest.Upload{Name: "team-a", Version: "1.0", Arch: arch, Packages: []mpktest.Package{{Name: "team-a"}, {Name: "team-a-doc"}}})
	publish(t, disk, mpktest.Upload{Name: "other", Version: "1.0", Arch: arch, Packages: []mpktest.Package{{Name: "tool"}}})
	return disk
}

// TestRightsTable tries each deed as each user on each architecture over each version of
// the protocol. What is refused changes nothing and says why.
func TestRightsTable(t *testing.T) {
	t.Parallel()
	users := tableUsers(t)
	cells, allowed := 0, 0
	for _, arch := range []string{"amd64-debian", "arm64-debian"} {
		template := tableDisk(t, arch)
		before := mustShelves(t, template)
		for _, d := range deeds(arch) {
			files := d.upload.Build().Files()
			for _, row := range rightsTable() {
				want := row.amd64
				if arch == "arm64-debian" {
					want = row.arm64
				}
				may := strings.ContainsRune(want, d.letter)
				for version := 1; version <= 2; version++ {
					what := fmt.Sprintf("%s, %s, %s, version %d", row.user, d.name, arch, version)
					w := worldOn(t, template.Clone(), users)
					done, denied := w.tries(t, row.user, version, files)
					changed := !slices.Equal(before, mustShelves(t, w.disk))
					if done != may || changed != may || denied == may {
						t.Errorf("%s: done %v, changed %v, refused for rights %v; want %v", what, done, changed, denied, may)
					}
					cells++
					if may {
						allowed++
					}
				}
			}
		}
	}
	if cells != 2*2*len(deeds(""))*len(rightsTable()) || allowed == 0 {
		t.Errorf("%d cells, %d of them allowed", cells, allowed)
	}
	t.Logf("%d cells, %d of them allowed", cells, allowed)
}

// tries uploads and says what came of it; denied: a right was named as missing, or, in
// version 1, the login's user was refused at the declaration.
func (w *world) tries(t *testing.T, user string, version int, files []mpktest.File) (done, denied bool) {
	t.Helper()
	if version == 1 {
		r, err := w.v1(t, user, tupkg.Document, files...)
		if err != nil {
			return false, strings.Contains(err.Error(), "no right to publish anything")
		}
		return r.Pass(), strings.Contains(r.Reason, string(report.CodeRights))
	}
	r, err := w.v2(t, user, tupkg.Set{}, files...)
	if err != nil {
		return false, strings.Contains(err.Error(), "may not publish") || strings.Contains(err.Error(), "no right to publish anything")
	}
	return r.Pass() && r.Report.Result == report.Published, hasCode(r.Report, report.CodeRights)
}

// TestRightsToActions is the rest of the table: who may do what no upload does. The
// columns are publish, rebuild, downgrade, take-over, remove, purge, undo, gc, for the
// sources team-a and other on amd64-debian; gc is about no source.
func TestRightsToActions(t *testing.T) {
	t.Parallel()
	want := map[string][2]string{
		"none": {"--------", "--------"}, "publisher": {"P-------", "--------"}, "exact": {"P-------", "--------"}, "one-letter": {"P-------", "--------"},
		"all-sources": {"P-------", "P-------"}, "rebuilder": {"PR------", "--------"}, "downgrader": {"P-D-----", "--------"},
		"taker": {"P--T----", "--------"}, "taker-of-both": {"P--T----", "---T----"}, "other-side-only": {"P-------", "---T----"},
		"other-team": {"--------", "PRDT----"}, "other-and-ours": {"---T----", "P--T----"}, "rebuild-only": {"-RDT----", "--------"},
		"janitor": {"----MUNG", "----MUNG"}, "amd64-only": {"PRD-----", "--------"}, "mixed": {"P-------", "--------"},
		"two-lines": {"PR------", "--------"}, "everything": {"PRDT----", "PRDT----"},
	}
	users := tableUsers(t)
	for _, row := range rightsTable() {
		id, err := users.Identity(row.user)
		if err != nil {
			t.Fatal(err)
		}
		for i, source := range []string{"team-a", "other"} {
			got := ""
			for n, action := range access.Actions() {
				need := access.Need{Action: action, Source: source, Arch: "amd64-debian"}
				if action == access.GC {
					need.Source = ""
				}
				if id.May(need) {
					got += string("PRDTMUNG"[n])
				} else {
					got += "-"
				}
			}
			if got != want[row.user][i] {
				t.Errorf("%s, %s: %s, want %s", row.user, source, got, want[row.user][i])
			}
		}
	}
}
