package signature

import (
	"errors"
	"fmt"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// settings are what the repository says.
type settings struct {
	OpenPGP  []string      `json:"openpgp"`
	Minisign []minisignKey `json:"minisign"`
	SSH      []string      `json:"ssh"`
	Sources  []rule        `json:"sources"`
	Need     *int          `json:"need"`
}

// rule says who may publish sources of a pattern.
type rule struct {
	Source  string   `json:"source"`
	Signers []string `json:"signers"`
}

type minisignKey struct {
	Signer      string `json:"signer"`
	Key         string `json:"key"`
	ValidAfter  string `json:"valid-after"`
	ValidBefore string `json:"valid-before"`
}

// maxNeed is far above how many people sign one manifest.
const maxNeed = 16

// New makes the verifier. read reads a file of keys that the settings name.
func New(text []byte, read func(name string) ([]byte, error)) (*Verifier, error) {
	var s settings
	if err := config.Decode(text, &s); err != nil {
		return nil, err
	}
	v := &Verifier{rules: s.Sources, need: 1, now: time.Now}
	if s.Need != nil {
		v.need = *s.Need
	}
	if v.need < 1 || v.need > maxNeed {
		return nil, fmt.Errorf("need: %d is not a number from 1 to %d", v.need, maxNeed)
	}
	for _, r := range s.Sources {
		if err := errors.Join(config.Patterns("source", []string{r.Source}), config.Patterns("signers", r.Signers)); err != nil {
			return nil, err
		}
	}
	return v, v.keys(s, read)
}

// keys reads all keys.
func (v *Verifier) keys(s settings, read func(name string) ([]byte, error)) error {
	for _, name := range s.OpenPGP {
		text, err := read(name)
		if err == nil {
			err = v.openpgp.add(text)
		}
		if err != nil {
			return fmt.Errorf("openpgp: %s: %w", report.Shown(name), err)
		}
	}
	for _, name := range s.SSH {
		text, err := read(name)
		if err == nil {
			err = v.ssh.add(text)
		}
		if err != nil {
			return fmt.Errorf("ssh: %s: %w", report.Shown(name), err)
		}
	}
	for _, k := range s.Minisign {
		if err := v.minisign.add(k); err != nil {
			return fmt.Errorf("minisign: %s: %w", report.Shown(k.Signer), err)
		}
	}
	if len(v.openpgp.keys)+len(v.ssh.keys)+len(v.minisign.keys) == 0 {
		return errors.New("there are no keys: name some under openpgp, minisign or ssh")
	}
	return nil
}

// period is when a key may be used; zero times are open ends.
type period struct{ after, before time.Time }

// parsePeriod reads two times in the form of ssh-keygen's allowed signers.
func parsePeriod(after, before string) (p period, err error) {
	if p.after, err = parseTime(after); err != nil {
		return p, fmt.Errorf("valid-after: %w", err)
	}
	if p.before, err = parseTime(before); err != nil {
		return p, fmt.Errorf("valid-before: %w", err)
	}
	if !p.after.IsZero() && !p.before.IsZero() && !p.after.Before(p.before) {
		return p, errors.New("valid-after is not before valid-before")
	}
	return p, nil
}

// parseTime reads YYYYMMDD[HHMM[SS]][Z]; without the Z it is the machine's own time.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	zone, digits := time.Local, s
	if digits[len(digits)-1] == 'Z' {
		zone, digits = time.UTC, digits[:len(digits)-1]
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			if t, err := time.ParseInLocation(layout, digits, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time of the form YYYYMMDD[HHMM[SS]][Z]", s)
}

// problem says why a key may not be used now; nothing if it may.
func (p period) problem(now time.Time) string {
	switch {
	case !p.after.IsZero() && now.Before(p.after):
		return "may be used only after " + p.after.UTC().Format(time.RFC3339)
	case !p.before.IsZero() && !now.Before(p.before):
		return "may be used only before " + p.before.UTC().Format(time.RFC3339)
	}
	return ""
}
