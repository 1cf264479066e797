package repo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Quota is an amount of disk: a part of the file system, or a number of bytes.
type Quota struct {
	// Percent of the file system; it holds if Bytes is 0.
	Percent int
	Bytes   int64
}

// DefaultRetiredMax is how much of the file system retired files may take.
const DefaultRetiredMax = 10

// Of is the quota in bytes on a file system of that size.
func (q Quota) Of(total int64) int64 {
	if q.Bytes > 0 {
		return q.Bytes
	}
	return total / 100 * int64(q.Percent)
}

func (q Quota) String() string {
	if q.Bytes > 0 {
		return strconv.FormatInt(q.Bytes, 10)
	}
	return strconv.Itoa(q.Percent) + "%"
}

// quotaUnits are the units of a number of bytes, the longer names first.
func quotaUnits() []struct {
	name string
	size int64
} {
	return []struct {
		name string
		size int64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
	}
}

// parseQuota reads "10%", "500MiB" or a number of bytes.
func parseQuota(text string) (Quota, error) {
	wrong := fmt.Errorf("%q is not an amount such as 10%% or 20GiB", text)
	if number, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n < 0 || n > 100 {
			return Quota{}, wrong
		}
		return Quota{Percent: n}, nil
	}
	for _, u := range quotaUnits() {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			return Quota{}, wrong
		}
		return Quota{Bytes: n * u.size}, nil
	}
	return Quota{}, wrong
}
