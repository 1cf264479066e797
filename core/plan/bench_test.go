package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
)

// BenchmarkAdd plans a source with three binaries into 100,000, once as something new
// and once in the place of what is there.
func BenchmarkAdd(b *testing.B) {
	var binaries, sources strings.Builder
	for i := range 33_334 {
		name := fmt.Sprintf("package%d", i)
		a := upload(name, "1.0", name, name+"-devel", name+"-doc")
		sources.WriteString(index.FormatSource(a.Source))
		for _, x := range a.Binaries {
			binaries.WriteString(index.FormatBinary(x))
		}
	}
	v, err := index.NewView([]byte(binaries.String()), []byte(sources.String()))
	if err != nil {
		b.Fatal(err)
	}
	nothing := func(string) (Taken, error) { return Taken{}, nil }
	for name, a := range map[string]Addition{
		"new":      upload("new", "1.0", "new", "new-devel", "new-doc"),
		"replaced": upload("package9", "1.1", "package9", "package9-devel", "package9-doc"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Add(v, a, Rules{}, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
