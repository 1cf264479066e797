package alpm_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/programtest"
)

// The rows are answers of the real vercmp.
func TestCompareGolden(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../testdata/pacman/vercmp.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := 0
	for lines := bufio.NewScanner(f); lines.Scan(); rows++ {
		row := strings.Split(lines.Text(), "\t")
		want, err := strconv.Atoi(row[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := alpm.Compare(row[0], row[1]); got != want {
			t.Errorf("Compare(%q, %q) = %d, want %d", row[0], row[1], got, want)
		}
		if got := alpm.Compare(row[1], row[0]); got != -want {
			t.Errorf("Compare(%q, %q) = %d, want %d", row[1], row[0], got, -want)
		}
	}
	if rows != 340 {
		t.Errorf("%d rows, want 340", rows)
	}
}

// pieces are what random versions are made of, with what vercmp is known to treat
// in its own way.
func pieces() []string {
	return []string{"0", "1", "2", "9", "10", "00", "01", "a", "b", "rc", "A", "Z", ".", "..", "_", "+", "-", ":", "1:", "0:", "~", "^", "é", "r12", "gabc", "@"}
}

// The real vercmp, installed, answers random pairs the same way.
func TestCompareWithVercmp(t *testing.T) {
	t.Parallel()
	program := programtest.Need(t, "vercmp")
	rng := rand.New(rand.NewPCG(1, 2))
	some := pieces()
	random := func() string {
		var s strings.Builder
		for range 1 + rng.IntN(6) {
			s.WriteString(some[rng.IntN(len(some))])
		}
		return strings.TrimLeft(s.String(), "-") // vercmp would take it for an option
	}
	for range pairs() {
		a, b := random(), random()
		if a == "" || b == "" {
			continue
		}
		out, err := exec.CommandContext(t.Context(), program, a, b).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%d\n", alpm.Compare(a, b)), string(out); got != want {
			t.Errorf("Compare(%q, %q) = %swant %s", a, b, got, want)
		}
	}
}

// pairs is how many the ordinary run compares; the long tier compares 10,000.
func pairs() int {
	if os.Getenv("MMPUSH_LONG") != "" {
		return 10_000
	}
	return 1_000
}

func TestCompareIsAnOrder(t *testing.T) {
	t.Parallel()
	version := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 6).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := version.Draw(t, "a"), version.Draw(t, "b")
		if x, y := alpm.Compare(a, b), alpm.Compare(b, a); x != -y {
			t.Fatalf("Compare(%q, %q) = %d, the other way round %d", a, b, x, y)
		}
	})
}
