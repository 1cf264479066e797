//go:build unix

package plugins

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// TestElements: a report may list so many things and not one more, wherever they stand.
func TestElements(t *testing.T) {
	t.Parallel()
	lists := func(n int) map[string]report.Report {
		some := report.Report{Packages: make([]report.Package, n/2), Findings: make([]report.Finding, n-n/2)}
		return map[string]report.Report{
			"packages and findings": some,
			"in a repository":       {Repositories: []report.Report{{Packages: some.Packages}, {Findings: some.Findings[2:]}}},
			"missing":               {Waiting: &report.Waiting{Missing: make([]string, n-1)}},
		}
	}
	codec := countingCodec{encoding.GetCodecV2("proto")}
	unmarshal := func(r report.Report) error {
		// The report itself is an element of the answer.
		answer := &pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Report{Report: reportToPB(r)}}
		data, err := codec.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		return codec.Unmarshal(data, &pluginpb.PushAnswer{})
	}
	for name, r := range lists(maxElements - 1) {
		if err := unmarshal(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range lists(maxElements) {
		if err := unmarshal(r); err == nil || !strings.Contains(err.Error(), "more than 100000 elements") {
			t.Errorf("%s, one more: %v", name, err)
		}
	}
}

// TestManySmallElements: what takes two bytes each on the wire is not made anything of.
func TestManySmallElements(t *testing.T) {
	findings := (&pluginpb.Report{}).ProtoReflect().Descriptor().Fields().ByName("findings").Number()
	text := []byte(strings.Repeat(string(protowire.AppendBytes(protowire.AppendTag(nil, findings, protowire.BytesType), nil)), maxAnswer/2-100))
	size := testing.AllocsPerRun(1, func() {
		err := countingCodec{encoding.GetCodecV2("proto")}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(text)}, &pluginpb.Report{})
		if err == nil {
			t.Error("taken")
		}
	})
	if size > 100 {
		t.Errorf("%.0f allocations", size)
	}
	for _, damaged := range []string{"\xff", "\x0a", "\x0a\x05x", "\x0b"} {
		if err := (countingCodec{encoding.GetCodecV2("proto")}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(damaged)}, &pluginpb.Report{}); err == nil {
			t.Errorf("%q is taken", damaged)
		}
	}
}

// TestReportOfTooMuch: a transport with such a report is told to be at fault.
func TestReportOfTooMuch(t *testing.T) {
	t.Parallel()
	u := opened(t, mpktest.Upload{})
	p := inProcess(t, &server{info: Info{Name: "p", Version: "1"}, open: func(context.Context, transport.Target, transport.Options) (transport.Transport, error) {
		return tellsMuch{}, nil
	}})
	_, err := (&Transport{keeper{plugin: p, pin: p.pin, kind: KindTransport}}).To("p://x", transport.Options{}).Push(t.Context(), u)
	if report.CodeOf(err) != report.CodePlugin || report.KindOf(err) != report.KindTransport || !strings.Contains(err.Error(), "more than 100000 elements") {
		t.Error(err)
	}
}

type tellsMuch struct{}

func (tellsMuch) Push(_ context.Context, u upload.Upload) (report.Report, error) {
	return report.Report{Result: report.Published, Manifest: u.Name, Packages: make([]report.Package, maxElements)}, nil
}
