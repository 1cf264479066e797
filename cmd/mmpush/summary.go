package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// summary tells what was done, one line for each package, then the whole in one
// sentence.
func (p *printer) summary(rep report.Report) {
	p.packages(rep.Packages)
	result, style := string(rep.Result), good
	switch rep.Result {
	case report.Planned:
		result, style = "would publish", caution
	case report.Unchanged:
		style = plain
	case report.Accepted:
		style = caution
	}
	p.outcome(style, result, " "+sentence(rep))
}

// outcome is the one sentence that says what came of it; its first words have a style.
func (p *printer) outcome(s style, first, rest string) {
	text := wrap(first+rest, p.width, "    ")
	p.line("%s", p.paint(s, first)+strings.TrimPrefix(text, first))
}

// packages shows one line for each package.
func (p *printer) packages(lines []report.Package) {
	var t table
	for _, line := range lines {
		t.add(cell{string(line.Action), styleOf(line.Action)}, cell{line.Name, bold}, cell{text: line.Origin()},
			cell{text: versions(line)}, cell{text: shortHash(line.SHA256)})
	}
	t.write(p, "  ")
}

func styleOf(a report.Action) style {
	switch a {
	case report.ActionAdd, report.ActionVerify:
		return good
	case report.ActionKeep:
		return plain
	case report.ActionRemove:
		return bad
	}
	return caution
}

// versions shows what a version replaces.
func versions(p report.Package) string {
	if p.Previous == "" || p.Previous == p.Version {
		return p.Version
	}
	return p.Previous + " -> " + p.Version
}

// shortHash is enough of a SHA-256 to tell two builds apart.
func shortHash(sum string) string { return sum[:min(len(sum), 12)] }

// sentence is what the result is about.
func sentence(rep report.Report) string {
	var b strings.Builder
	b.WriteString(visible(subject(rep)))
	if rep.Generation > 0 {
		fmt.Fprintf(&b, " as generation %d", rep.Generation)
	}
	if rep.Waiting != nil {
		return waitingFor(*rep.Waiting)
	}
	for i, r := range rep.Repositories {
		fmt.Fprintf(&b, "%s%s", map[bool]string{true: " in ", false: ", "}[i == 0], visible(cmp.Or(r.Repository, r.Architecture)))
		if r.Generation > 0 {
			fmt.Fprintf(&b, " (generation %d)", r.Generation)
		}
	}
	if rep.Result == report.Accepted {
		return b.String() + ": the files have arrived; whether they are public, the server does not say"
	}
	fmt.Fprintf(&b, ": %s", counts(rep))
	switch rep.Result {
	case report.Planned:
		b.WriteString("; dry run, nothing was written")
	case report.Unchanged:
		b.WriteString(", published already")
	}
	return b.String()
}

// subject is the source and its version; the manifest if no source is known.
func subject(rep report.Report) string {
	for _, p := range rep.Packages {
		if p.Kind == report.Source && p.Action != report.ActionRemove {
			return p.Name + " " + p.Version
		}
	}
	return rep.Manifest
}

func counts(rep report.Report) string {
	var binaries, sources, removed, healed int
	size := rep.BytesAdded
	for _, p := range rep.Packages {
		switch {
		case p.Action == report.ActionRemove:
			removed++
		case p.Action == report.ActionHeal:
			healed++
		case p.Kind == report.Source:
			sources++
		default:
			binaries++
		}
		if rep.Result == report.Verified {
			size += p.Size
		}
	}
	parts := []string{plural(binaries, "binary package"), plural(sources, "source")}
	if removed > 0 {
		parts = append(parts, fmt.Sprintf("%d removed", removed))
	}
	if healed > 0 {
		parts = append(parts, fmt.Sprintf("%d healed", healed))
	}
	if size > 0 {
		parts = append(parts, strings.ReplaceAll(bytesText(size), " ", glue))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bytesText is a size for people; 1 KiB is 1024 bytes.
func bytesText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n), -1
	for size >= 1024 && unit < 4 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[unit])
}
