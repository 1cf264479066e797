package index

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCompareVersionsGolden has the answers of the real client.
func TestCompareVersionsGolden(t *testing.T) {
	t.Parallel()
	rows := strings.Split(strings.TrimSuffix(string(readTestFile(t, "..", "..", "testdata", "mmpack", "versions.tsv")), "\n"), "\n")
	if len(rows) != 420 {
		t.Fatalf("testdata has %d of 420 rows", len(rows))
	}
	for _, row := range rows {
		cols := strings.Split(row, "\t")
		want, err := strconv.Atoi(cols[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := CompareVersions(cols[0], cols[1]); got != want {
			t.Errorf("CompareVersions(%q, %q) = %d, the client says %d", cols[0], cols[1], got, want)
		}
		if got := CompareVersions(cols[1], cols[0]); got != -want {
			t.Errorf("CompareVersions(%q, %q) = %d, the client says %d", cols[1], cols[0], got, -want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 5000)
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "0", -1},
		{"any", "2.0", 0},
		{"1.0", "any", 0},
		{"anyx", "1", 1},
		{"01.9", "1.9", 0},
		{"1.10", "1.9", 1},
		{"1.0", "1.0.0", -1},
		{"1.0-rc1", "1.0", 1},
		{"1.0~rc1", "1.0", 1},
		{"000", "0", 0},
		{"00a", "0a", 0},
		{"0", "00", 0},
		{"1.", "1.0", -1},
		{"a1", "ab", -1},
		{strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MaxInt64 - 1), 1},
		{"9" + long, long, 1},
		{long + "1", long + "2", -1},
		{"1.a", "1.é", -1},
	}
	for _, tt := range tests {
		if got := CompareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("CompareVersions(%.20q, %.20q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := CompareVersions(tt.b, tt.a); got != -tt.want {
			t.Errorf("CompareVersions(%.20q, %.20q) = %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestCompareVersionsIsAnOrder(t *testing.T) {
	t.Parallel()
	version := rapid.StringMatching(`[0-2a.]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		if CompareVersions(a, a) != 0 || CompareVersions(a, b) != -CompareVersions(b, a) {
			t.Fatalf("%q and %q have no order", a, b)
		}
		if CompareVersions(a, b) <= 0 && CompareVersions(b, c) <= 0 && CompareVersions(a, c) > 0 {
			t.Fatalf("%q <= %q <= %q, but not %q <= %q", a, b, c, a, c)
		}
	})
}
