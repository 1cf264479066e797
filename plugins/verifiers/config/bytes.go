package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes reads a number of bytes such as 200MiB, 1.5GB or 4096; nothing is 0.
func Bytes(key, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.TrimRight(text, "BKMGTi ")
	unit := map[string]float64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[strings.TrimSpace(text[len(number):])]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || unit == 0 || !(n > 0) || n*unit >= 1<<62 {
		return 0, fmt.Errorf("%s: %q is not a size such as 200MiB", key, text)
	}
	return int64(n * unit), nil
}
