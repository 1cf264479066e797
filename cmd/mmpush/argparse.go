package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// option is an option of a command line that is read as Python's argparse reads it.
// Existing scripts rely on what it takes: --path REPO, --path=REPO, --pat REPO,
// -p REPO, -pREPO, -p=REPO.
type option struct {
	long, short string
	// flag takes no value.
	flag bool
	// lone is the value of the option alone; if it is empty, a value is needed.
	lone string
	// set gets the value; that of a flag is empty.
	set func(value string) error
}

// argparse is one command line.
type argparse struct {
	options []option
	// places are the names of the arguments that are not options.
	places []string
	// rest: all that follows the last place is not looked at, but left.
	rest bool
}

// parse calls set of each option, in order, and returns the values of the places and
// what is left behind the last.
func (p argparse) parse(args []string) (values, left []string, err error) {
	var unknown []string
	plain := false // behind "--"
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case !plain && word == "--":
			plain = true
			continue
		case plain || !p.looksLikeOption(word):
			if len(values) == len(p.places) {
				unknown = append(unknown, word)
				continue
			}
			if values = append(values, word); p.rest && len(values) == len(p.places) {
				return values, args, unrecognized(unknown)
			}
			continue
		}
		o, value, given, err := p.find(word)
		switch {
		case err != nil:
			return nil, nil, err
		case o == nil:
			unknown = append(unknown, word)
		default:
			if args, err = p.take(*o, value, given, args); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(values) < len(p.places) {
		return nil, nil, fmt.Errorf("the following arguments are required: %s", strings.Join(p.places[len(values):], ", "))
	}
	return values, nil, unrecognized(unknown)
}

func unrecognized(words []string) error {
	if len(words) == 0 {
		return nil
	}
	return fmt.Errorf("unrecognized arguments: %s", visible(strings.Join(words, " ")))
}

// take gives an option its value, from the next word if the option does not have it
// in its own, and returns the words that remain.
func (p argparse) take(o option, value string, given bool, args []string) ([]string, error) {
	next := len(args) > 0 && args[0] != "--" && !p.looksLikeOption(args[0])
	switch {
	case o.flag && given:
		return args, fmt.Errorf("argument %s: takes no value", o.name())
	case !o.flag && !given && next:
		value, args = args[0], args[1:]
	case !o.flag && !given && o.lone == "":
		return args, fmt.Errorf("argument %s: expected one argument", o.name())
	case !o.flag && !given:
		value = o.lone
	}
	if err := o.set(value); err != nil {
		if errors.Is(err, errHelp) {
			return args, err
		}
		return args, fmt.Errorf("argument %s: %w", o.name(), err)
	}
	return args, nil
}

// name is both names of an option, for messages.
func (o option) name() string {
	return strings.Join(slices.DeleteFunc([]string{o.short, o.long}, func(s string) bool { return s == "" }), "/")
}

// looksLikeOption tells an option, known or not, from a value.
func (p argparse) looksLikeOption(word string) bool {
	if len(word) < 2 || word[0] != '-' {
		return false
	}
	if o, _, _, err := p.find(word); o != nil || err != nil {
		return true
	}
	return !strings.Contains(word, " ") && !negativeNumber(word)
}

// negativeNumber reports whether a word is such as -1 or -.5.
func negativeNumber(word string) bool {
	whole, fraction, _ := strings.Cut(word[1:], ".")
	digits := whole + fraction
	return digits != "" && strings.Trim(digits, "0123456789") == "" && !strings.HasSuffix(word, ".")
}

// find returns the option that a word names, whole or by the beginning of its long
// name, and the value that the word has for it. A nil option is none.
func (p argparse) find(word string) (o *option, value string, given bool, err error) {
	if !strings.HasPrefix(word, "--") {
		for i := range p.options {
			if short := p.options[i].short; short != "" && strings.HasPrefix(word, short) {
				value, _ = strings.CutPrefix(word[len(short):], "=")
				return &p.options[i], value, len(word) > len(short), nil
			}
		}
		return nil, "", false, nil
	}
	name, value, given := strings.Cut(word, "=")
	var found []string
	for i := range p.options {
		long := p.options[i].long
		if long == name {
			return &p.options[i], value, given, nil
		}
		if strings.HasPrefix(long, name) {
			o, found = &p.options[i], append(found, long)
		}
	}
	if len(found) > 1 {
		return nil, "", false, fmt.Errorf("ambiguous option: %s could match %s", visible(name), strings.Join(found, ", "))
	}
	return o, value, given, nil
}
