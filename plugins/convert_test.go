//go:build unix

package plugins

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// filler counts the values that it has made.
type filler struct {
	n int
	// nested: within the reports of a report, which have none of their own.
	nested bool
}

// fill gives every field of a value one of its own, lists two elements, so that a
// field that no conversion knows is noticed.
func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1700000000, int64(f.n)).UTC()))
		return
	case reflect.TypeFor[report.Severity]():
		v.SetString([]string{"error", "warning", "note"}[f.n%3])
		return
	case reflect.TypeFor[archive.MemberType]():
		v.SetUint(uint64(f.n%5) + 1)
		return
	case reflect.TypeFor[[]report.Report]():
		if f.nested {
			return
		}
		f.nested = true
		defer func() { f.nested = false }()
	case reflect.TypeFor[vfs.FS](), reflect.TypeFor[vfs.Info]():
		return // of the host alone
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", f.n))
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(f.n))
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			// What only a package itself sees stays with the host.
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i))
			}
		}
	}
}

// filled is a value with something in every field.
func filled[T any]() T {
	var v T
	new(filler).fill(reflect.ValueOf(&v).Elem())
	return v
}

// overTheWire makes bytes of a message and a message of the bytes.
func overTheWire[M proto.Message](t *testing.T, m M) M {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := m.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func same[T any, M proto.Message](t *testing.T, want T, to func(T) M, from func(M) T) {
	t.Helper()
	if got := from(overTheWire(t, to(want))); !reflect.DeepEqual(got, want) {
		t.Errorf("%T:\n got %+v\nwant %+v", want, got, want)
	}
}

func TestEveryFieldCrosses(t *testing.T) {
	t.Parallel()
	u := filled[upload.Upload]()
	// These go as files.
	u.Dir, u.Text, u.Signatures = "", nil, nil
	same(t, u, func(u upload.Upload) *pbUpload { return uploadToPB(u, "") }, uploadFromPB)
	same(t, upload.Upload{}, func(u upload.Upload) *pbUpload { return uploadToPB(u, "") }, uploadFromPB)
	same(t, filled[plan.Plan](), planToPB, planFromPB)
	same(t, plan.Plan{}, planToPB, planFromPB)
	same(t, filled[upload.Progress](), progressToPB, progressFromPB)
	same(t, filled[transport.Sending](), sendingToPB, sendingFromPB)
	same(t, filled[index.Selector](), selectorToPB, selectorFromPB)
	rep := filled[report.Report]()
	rep.Schema = report.Schema
	for i := range rep.Repositories {
		rep.Repositories[i].Schema = report.Schema
	}
	same(t, rep, reportToPB, reportFromPB)
	same(t, report.Report{Schema: report.Schema}, reportToPB, reportFromPB)
}

// However deep a plugin nests its reports, one level is taken over.
func TestReportsNestOnce(t *testing.T) {
	t.Parallel()
	deep := &pluginpb.Report{Manifest: "innermost"}
	for range 5000 {
		deep = &pluginpb.Report{Manifest: "m", Repositories: []*pluginpb.Report{deep}}
	}
	one := report.Report{Schema: report.Schema, Manifest: "m"}
	want := one
	want.Repositories = []report.Report{one}
	if got := reportFromPB(overTheWire(t, deep)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	want.Repositories = []report.Report{{Schema: report.Schema, Manifest: "m", Repositories: []report.Report{one}}}
	if got := reportToPB(want).GetRepositories()[0].GetRepositories(); got != nil {
		t.Errorf("%v", got)
	}
}

// Stanzas that are not UTF-8 cross byte for byte.
func TestStanzasInOtherEncodings(t *testing.T) {
	t.Parallel()
	b, err := index.ParseBinary("name: foo\nversion: 1\ndescription: caf\xe9\n\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, b, binaryToPB, binaryFromPB)
	s, err := index.ParseSource("name: foo\nversion: 1\nfilename: caf\xe9\n\n")
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, sourceToPB, sourceFromPB)
	m := archive.Member{Name: "./caf\xe9", Link: "\xff", Type: archive.SymlinkMember}
	same(t, m, memberToPB, memberFromPB)
	f := findingFromPB(overTheWire(t, findingToPB(report.Finding{Code: "X", Message: "caf\xe9"})))
	if f.Message != "caf\uFFFD" {
		t.Errorf("%q", f.Message)
	}
}

func TestErrorsCross(t *testing.T) {
	t.Parallel()
	for kind := report.KindInternal; kind <= report.KindBusy; kind++ {
		want := report.Error{Stage: "s", Code: "C", Kind: kind, File: "f", Err: errors.New("why"), Hint: "h"}
		got := errorFromPB(overTheWire(t, errorToPB(&want)))
		if got.Error() != want.Error() || got.Kind != kind || got.Hint != "h" || got.Code != "C" || got.Stage != "s" || got.File != "f" {
			t.Errorf("%+v", got)
		}
		wrapped := errorFromPB(overTheWire(t, errorToPB(fmt.Errorf("around: %w", &want))))
		if wrapped.Error() != "around: f: why" || wrapped.Kind != kind {
			t.Errorf("%v %+v", wrapped, wrapped)
		}
	}
	if e := errorFromPB(&pbError{Kind: 99}); e.Kind != report.KindInternal || e.Err == nil {
		t.Errorf("%+v", e)
	}
}
