package ssh

import (
	"fmt"
	"strconv"
)

// Command is how ssh is called.
type Command struct {
	// Words are the program and its first arguments; empty: ssh.
	Words []string
}

// ParseCommand reads a command line such as "ssh -i key -o Option=value". No shell is
// involved: '~', '$' and the like stand for themselves.
func ParseCommand(line string) (Command, error) {
	words, err := Split(line)
	if err != nil {
		return Command{}, err
	}
	if len(words) == 0 || words[0] == "" {
		return Command{}, fmt.Errorf("it names no program")
	}
	return Command{words}, nil
}

// args is the command line, whose first word is the program. Options that the user
// gave come first, since ssh goes by the first of each.
func (c Command) args(t Target, options []string, command ...string) []string {
	args := append([]string{}, c.Words...)
	if len(args) == 0 {
		args = []string{"ssh"}
	}
	// What a configuration may ask for for people, but would break the conversation,
	// and a dead connection is noticed.
	args = append(args, "-x", "-oRequestTTY=no", "-oRemoteCommand=none", "-oClearAllForwardings=yes",
		"-oPermitLocalCommand=no", "-oServerAliveInterval=30")
	if t.Port != 0 {
		args = append(args, "-p", strconv.Itoa(t.Port))
	}
	args = append(args, options...)
	args = append(args, "--", t.String())
	return append(args, command...)
}
