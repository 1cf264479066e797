package verify

import (
	"fmt"
	"strconv"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// file checks that a file is what the manifest declares in the entry field, and
// takes over what reading it found. It returns false if nothing is known about the
// file's content.
func (c *examiner) file(r upload.Received, line int, field string) bool {
	if !r.Found {
		c.missing(r, line, field)
		return false
	}
	switch {
	case r.ActualSize != r.Size:
		// Then another hash says nothing new.
		c.add(report.Finding{Code: report.CodeSize, Line: line, Field: field + ".size",
			Expected: strconv.FormatInt(r.Size, 10), Actual: strconv.FormatInt(r.ActualSize, 10),
			Message: fmt.Sprintf("the file %s has another size than declared", r.Name),
			Hint:    sizeHint(r)})
	case r.ActualSHA256 != r.SHA256:
		c.add(report.Finding{Code: report.CodeHash, Line: line, Field: field + ".sha256",
			Expected: r.SHA256, Actual: r.ActualSHA256,
			Message: fmt.Sprintf("the file %s has other bytes than declared", r.Name),
			Hint:    "build again, or copy the file again: it was damaged or replaced after the manifest was written"})
	}
	c.findings = append(c.findings, r.Findings...)
	return true
}

func sizeHint(r upload.Received) string {
	if r.ActualSize < r.Size {
		return "copy the file again: it is cut short, or the manifest belongs to another build"
	}
	return "copy the file again, or build again: the file was replaced after the manifest was written"
}

// missing takes over why a file was not read; that it was not is enough to refuse.
func (c *examiner) missing(r upload.Received, line int, field string) {
	c.findings = append(c.findings, r.Findings...)
	if report.Refused(r.Findings) {
		return
	}
	c.add(report.Finding{Code: report.CodeMissing, Line: line, Field: field + ".file", Expected: r.Name,
		Message: fmt.Sprintf("the declared file %s is not there", r.Name),
		Hint:    "copy the source tarball and all packages into the manifest's folder"})
}
