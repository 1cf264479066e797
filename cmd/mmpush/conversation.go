package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
)

// batch is one conversation over a pipe: a command a line comes in, an answer a
// line goes out.
type batch struct {
	*app
	// path is the repository's folder.
	path     string
	requests plan.Requests
	options  pipeline.Options

	// set is the open change; nil if there is none. It holds the lock.
	set *pipeline.ChangeSet
	// done closes what the open change needs.
	done func()
	// due: COMMIT or ROLLBACK did its work, but the next change could not be begun.
	// The next command that needs one tries again.
	due bool
	// told are the findings of the open change that standard error has got.
	told []report.Finding

	lines <-chan command
	// orders were read from the lines, and are still to be carried out.
	orders []order
}

// serve has the conversation, until the input ends or ctx does. What is open then is
// rolled back.
func (b *batch) serve(ctx context.Context, begin bool) (doc any, code int) {
	// A reader of the answers that goes away is an error like others, so that what is
	// open is rolled back.
	signal.Ignore(syscall.SIGPIPE)
	defer b.rollback()
	if err := b.check(ctx, begin); err != nil {
		return b.fail(err)
	}
	defer b.abandon()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.lines = readCommands(ctx, b.Stdin)
	for b.out.failed == nil {
		o, err := b.next(ctx)
		switch {
		case ctx.Err() != nil:
			return b.fail(ctx.Err())
		case err != nil:
			return b.fail(inputError(err))
		case o.end:
			return nil, exitDone
		}
		b.answer(ctx, o)
	}
	return nil, exitDone // the caller sees that the output has failed
}

// check opens the repository once, so that a wrong path is told at the start and
// not at the first command.
func (b *batch) check(ctx context.Context, begin bool) error {
	if begin {
		return b.begin(ctx)
	}
	_, done, err := b.openRepo(b.path)
	if err == nil {
		done()
	}
	return err
}

// answer does what a line says and answers it; an empty one has no answer.
func (b *batch) answer(ctx context.Context, o order) {
	if o.verb == "" && !o.long {
		return
	}
	if err := b.do(ctx, o); err != nil {
		b.out.line("FAIL %s", reason(err))
		return
	}
	b.out.line("OK")
}

// do does one command. After an error nothing of it is left, but that a change
// which could not be committed is rolled back.
func (b *batch) do(ctx context.Context, o order) error {
	if o.long {
		return misuse("the line has more than %d bytes", commandLimit)
	}
	switch o.verb {
	case "ADD":
		return b.add(ctx, o)
	case "REMOVE_MATCHING_SRC":
		return b.remove(ctx, o.argument)
	}
	control, ok := map[string]func(context.Context) error{
		"BEGIN_CHANGES": b.beginChanges, "COMMIT_CHANGES": b.commitChanges, "ROLLBACK_CHANGES": b.rollbackChanges,
		"COMMIT": b.commitAndBegin, "ROLLBACK": b.rollbackAndBegin,
	}[o.verb]
	switch {
	case !ok:
		return misuse("unknown command: %s", o.verb)
	case o.argument != "":
		return misuse("%s takes no argument", o.verb)
	}
	return control(ctx)
}

// misuse is about a command that is not one, or that does not fit here.
func misuse(format string, args ...any) error { return wrongUsage("", format, args...) }

// add plans one upload into the open change.
func (b *batch) add(ctx context.Context, o order) error {
	if o.argument == "" {
		return misuse("missing argument: ADD takes the path of a manifest")
	}
	if err := b.need(ctx); err != nil {
		return err
	}
	if o.addition == nil {
		o.addition = b.startAddition(ctx, o.argument)
	}
	rep, err := b.finish(ctx, o.addition)
	b.told = append(b.told, rep.Findings...)
	if err := b.verdict(rep, err); err != nil {
		return fmt.Errorf("adding manifest failed: %w", err)
	}
	return nil
}

// remove plans the removal of sources into the open change.
func (b *batch) remove(ctx context.Context, argument string) error {
	sel, err := parseSelector(argument)
	if err != nil {
		return err
	}
	if err := b.need(ctx); err != nil {
		return err
	}
	rep, err := b.set.Remove(ctx, sel)
	b.told = append(b.told, rep.Findings...)
	if err := b.verdict(rep, err); err != nil {
		return fmt.Errorf("remove source failed: %w", err)
	}
	return nil
}

// parseSelector reads "name=NAME, version=VERSION, srcsha=SHA256", any of them once.
func parseSelector(text string) (index.Selector, error) {
	var sel index.Selector
	if text == "" {
		return sel, misuse("missing argument: REMOVE_MATCHING_SRC takes name=, version= and srcsha=, with commas between them")
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		key, value = trim(key), trim(value)
		field, known := map[string]*string{"name": &sel.Name, "version": &sel.Version, "srcsha": &sel.SHA256}[key]
		switch {
		case !ok || !known:
			return sel, misuse("%q is none of name=, version= and srcsha=", trim(part))
		case value == "":
			return sel, misuse("%s= has no value", key)
		case *field != "":
			return sel, misuse("%s= is given twice", key)
		}
		*field = value
	}
	return sel, nil
}

// begin opens a change, on the repository as it is now: its folder and its settings
// may be others than they were for the last one.
func (b *batch) begin(ctx context.Context) error {
	r, done, err := b.openRepo(b.path)
	if err != nil {
		return err
	}
	set, err := pipeline.BeginChanges(ctx, r, b.options)
	if err != nil {
		done()
		return err
	}
	b.set, b.done, b.due = set, done, false
	b.told = slices.Clone(set.Notes)
	return b.verdict(report.Report{Findings: set.Notes}, nil)
}

// need sees to it that a change is open.
func (b *batch) need(ctx context.Context) error {
	switch {
	case b.set != nil:
		return nil
	case b.due:
		return b.begin(ctx)
	}
	return errNoChange
}

// errNoChange answers what makes no sense without an open change.
var errNoChange = misuse("no change is open: BEGIN_CHANGES begins one")

func (b *batch) beginChanges(ctx context.Context) error {
	if b.set != nil {
		return misuse("a change is open already: COMMIT_CHANGES or ROLLBACK_CHANGES ends it")
	}
	return b.begin(ctx)
}

// commitChanges publishes what is open. If that fails, it is rolled back.
func (b *batch) commitChanges(ctx context.Context) error {
	if err := b.need(ctx); err != nil {
		return err
	}
	rep, err := b.set.Commit(ctx)
	told := b.told
	b.closed()
	rep.Findings = slices.DeleteFunc(rep.Findings, func(f report.Finding) bool { return slices.Contains(told, f) })
	return b.verdict(rep, err)
}

func (b *batch) rollbackChanges(context.Context) error {
	if b.set == nil && !b.due {
		return errNoChange
	}
	b.rollback()
	return nil
}

// rollback ends the open change, if there is one.
func (b *batch) rollback() {
	if b.set != nil {
		b.set.Rollback()
	}
	b.closed()
}

// closed forgets the change that has ended.
func (b *batch) closed() {
	if b.set != nil {
		b.done()
	}
	b.set, b.done, b.due, b.told = nil, nil, false, nil
}

func (b *batch) commitAndBegin(ctx context.Context) error {
	return b.again(ctx, b.commitChanges(ctx))
}

func (b *batch) rollbackAndBegin(ctx context.Context) error {
	return b.again(ctx, b.rollbackChanges(ctx))
}

// again begins the next change after the end of one, unless the input ends there. The
// answer is about the end alone: whoever hears OK may believe that the change is
// published, or gone.
func (b *batch) again(ctx context.Context, ended error) error {
	if b.due || errors.Is(ended, errNoChange) || b.over() {
		return ended
	}
	if err := b.begin(ctx); err != nil {
		b.due = true
		if !stopped(err) {
			b.err.problem(err)
		}
	}
	return ended
}
