package report_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// codes reads the codes from the source: a constant without an explanation must not
// go unnoticed.
func codes(t *testing.T) []report.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []report.Code
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Code") {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, report.Code(text))
		}
		return true
	})
	return list
}

func TestEachCodeIsExplained(t *testing.T) {
	t.Parallel()
	all := codes(t)
	if len(all) < 30 || len(all) != len(report.Explanations()) {
		t.Errorf("%d codes, %d explanations", len(all), len(report.Explanations()))
	}
	for _, c := range all {
		e, ok := report.Explain(c)
		if !ok || e.Title == "" || len(e.Text) < 60 || !strings.HasSuffix(e.Text, ".") {
			t.Errorf("%s: %+v", c, e)
		}
	}
	if _, ok := report.Explain("MP-NOTHING"); ok {
		t.Error("an unknown code has an explanation")
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for severity, want := range map[report.Severity]bool{
		report.SeverityError: true, "": true, "odd": true, report.SeverityWarning: false, report.SeverityNote: false,
	} {
		f := report.Finding{Severity: severity}
		if f.Refuses() != want || report.Refused([]report.Finding{{Severity: report.SeverityNote}, f}) != want {
			t.Errorf("severity %q refuses: %t", severity, f.Refuses())
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("around: %w", &report.Error{Code: report.CodeDisk, Kind: report.KindBusy, File: "a/b", Err: cause})
	if !errors.Is(err, cause) || report.KindOf(err) != report.KindBusy || report.CodeOf(err) != report.CodeDisk {
		t.Errorf("%v: %v %v", err, report.KindOf(err), report.CodeOf(err))
	}
	if report.KindOf(cause) != report.KindInternal || report.CodeOf(cause) != report.CodeInternal {
		t.Error("an error that nobody classified is not internal")
	}
	if err.Error() != "around: a/b: cause" {
		t.Errorf("text %q", err)
	}
}

func TestFindingOnOneLine(t *testing.T) {
	t.Parallel()
	f := report.Finding{Code: report.CodeSize, File: "m", Line: 3, Field: "source.size", Expected: "12", Message: "differs"}
	if got, want := f.String(), "m:3: source.size: differs (expected 12, found nothing) [MP-SIZE]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"size", "siz", 1}, {"sha256", "sha265", 2}, {"kitten", "sitting", 3}, {"abc", "abc", 0}} {
		if got := report.Distance(tt.a, tt.b); got != tt.want || report.Distance(tt.b, tt.a) != tt.want {
			t.Errorf("%q, %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
