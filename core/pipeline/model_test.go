package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// play is a repository beside its model.
type play struct {
	*world
	rand *rand.Rand
	// past are the states after each generation; the first is the empty one.
	past []photograph
	now  photograph
	did  map[string]int
}

// move is an operation and what the model says of it.
type move struct {
	name string
	run  action
	// want is the state after it; nil: it is refused.
	want state
	// text, if not empty, is what the indexes have to be, byte for byte.
	text string
	// foreign is what another program does.
	foreign bool
}

var names = []string{foo100, foo110, foo110b, foo200, greet090, greet100, weather}

func (p *play) pick() move {
	switch n := p.rand.IntN(20); {
	case n < 8:
		return p.publishes(names[p.rand.IntN(len(names))])
	case n < 10:
		name := []string{"foo", "greet", "weather-data"}[p.rand.IntN(3)]
		m := move{name: "remove", run: remove(index.Selector{Name: name}), want: p.now.remove(name)}
		if maps.Equal(m.want, p.now.state) {
			m.want = nil
		}
		return m
	case n < 12:
		return p.batches()
	case n < 14:
		return p.undoes(len(p.past)-1, true)
	case n < 15:
		return p.undoes(1+p.rand.IntN(max(1, len(p.past)-1)), false)
	case n < 17:
		return p.returns()
	case n < 18:
		return move{name: "gc", want: p.now.state, run: func(w *world, fsys vfs.FS) (report.Report, error) {
			w.skip(time.Duration(p.rand.IntN(50)) * time.Hour)
			return collecting(w, fsys)
		}}
	default:
		name := names[p.rand.IntN(len(names))]
		a, err := additionOf(name)
		must(err)
		return move{name: "foreign", run: older(name), want: p.now.publish(a), foreign: true}
	}
}

func (p *play) publishes(name string) move {
	a, err := additionOf(name)
	must(err)
	return move{name: "publish", run: publish(name), want: p.now.publish(a)}
}

func (p *play) batches() move {
	m := move{name: "batch", want: p.now.state}
	var list []string
	for range 1 + p.rand.IntN(3) {
		name := names[p.rand.IntN(len(names))]
		a, err := additionOf(name)
		must(err)
		list, m.want = append(list, name), m.want.publish(a)
	}
	m.run = batch(list...)
	return m
}

// undoes takes one generation back; the last one by no name.
func (p *play) undoes(g int, last bool) move {
	m := move{name: "undo", run: undo(pipeline.UndoRequest{Generation: uint64(g)})}
	if last {
		m.name, m.run = "undo last", undo(pipeline.UndoRequest{})
	}
	if g < 1 || g >= len(p.past) {
		return m
	}
	want, back, ok := p.now.undo(p.past[g-1].state, p.past[g].state)
	if ok && p.past[g-1].there(p.Mem, back) {
		m.want = want
		if last && p.past[g].text == p.now.text && !maps.Equal(p.past[g-1].state, p.past[g].state) {
			m.text = p.past[g-1].text
		}
	}
	return m
}

// returns goes back to a state.
func (p *play) returns() move {
	g := p.rand.IntN(len(p.past))
	if p.rand.IntN(3) > 0 {
		g = max(0, len(p.past)-1-p.rand.IntN(6))
	}
	m := move{name: "undo to", run: undo(pipeline.UndoRequest{To: new(uint64(g))})}
	to := p.past[g]
	var back []string
	exact := true
	for key := range to.state {
		if p.now.state[key] != to.state[key] {
			back = append(back, key)
		} else if p.now.files[key] != to.files[key] {
			// The same bytes are served from another path: that will do, too.
			exact = exact && to.there(p.Mem, []string{key})
		}
	}
	if to.there(p.Mem, back) {
		if m.want = to.state; exact {
			m.text = to.text
		}
	}
	return m
}

// step makes one move, some of them killed on the way, and compares.
func (p *play) step() error {
	m := p.pick()
	killed := !m.foreign && p.rand.IntN(5) == 0
	before, last := p.now, p.last().Number
	var rep report.Report
	var err error
	if killed {
		err = p.kill(m)
	} else {
		rep, err = m.run(p.world, p.Mem)
	}
	p.did[m.name]++
	if m.foreign {
		// It syncs nothing; what a power loss does to it is not ours.
		p.SyncAll()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	p.now = shoot(p.Mem)
	if err := p.record(before, last, m.foreign); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if err := judgeServed(p.Mem); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if killed {
		p.did["killed"]++
		if p.now.text == before.text || m.want != nil && maps.Equal(p.now.state, m.want) {
			return nil
		}
		return fmt.Errorf("%s, killed: the indexes are neither:\n%s", m.name, p.now.text)
	}
	switch {
	case m.want == nil:
		p.did["refused"]++
		if rep.Result != report.Rejected || p.now.text != before.text {
			return fmt.Errorf("%s: %s, the model refuses it", m.name, rep.Result)
		}
	case rep.Result == report.Rejected:
		return fmt.Errorf("%s: refused, not by the model: %v", m.name, rep.Findings)
	case !maps.Equal(p.now.state, m.want):
		return fmt.Errorf("%s: got\n%v\nwant\n%v", m.name, p.now.state, m.want)
	case m.text != "" && p.now.text != m.text:
		return fmt.Errorf("%s: got\n%s\nwant\n%s", m.name, p.now.text, m.text)
	}
	return nil
}

// record takes the new generations into the past: what somebody else has done since the
// last one is the first of them.
func (p *play) record(before photograph, last uint64, foreign bool) error {
	now := p.last().Number
	if foreign || now == last {
		if now != last {
			return fmt.Errorf("generation %d came of nothing", now)
		}
		return nil
	}
	if p.past[last].text != before.text {
		p.past = append(p.past, before)
		p.did["foreign generations"]++
	}
	p.past = append(p.past, p.now)
	if now != uint64(len(p.past)-1) {
		return fmt.Errorf("the last generation is %d, the model's is %d", now, len(p.past)-1)
	}
	return nil
}

// kill runs a move and goes on with the disk as it was ahead of one of its calls, some
// of them after a power loss.
func (p *play) kill(m move) error {
	var mu sync.Mutex
	var disk *vfs.Mem
	k := p.rand.IntN(90)
	_, err := m.run(p.world, vfs.Observe(p.Mem, func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Writes() {
			if k--; k == 0 {
				disk = p.Clone()
			}
		}
		return nil
	}))
	if err != nil {
		return err
	}
	if disk != nil {
		if p.rand.IntN(2) == 0 {
			disk = disk.PowerLoss(func(int) vfs.Fate { return []vfs.Fate{vfs.Lost, vfs.Kept, vfs.Torn}[p.rand.IntN(3)] })
		}
		p.world = p.with(disk)
	}
	return recoverOnly(p.world, p.Mem)
}

// TestModel holds random operations against a plain map.
func TestModel(t *testing.T) {
	t.Parallel()
	runs, steps := 4, tier(60, 2500)
	var mu sync.Mutex
	did := map[string]int{}
	t.Run("runs", func(t *testing.T) {
		for seed := range runs {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				p := &play{world: newWorld(), rand: rand.New(rand.NewPCG(uint64(seed), 7)), did: map[string]int{}}
				p.now = shoot(p.Mem)
				p.past = []photograph{p.now}
				for i := range steps {
					if i%10 == 0 {
						p.SyncAll()
					}
					err := p.step()
					if err == nil && (i%50 == 49 || i == steps-1) {
						err = p.judge()
					}
					if err != nil {
						t.Fatalf("operation %d: %v", i, err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for name, n := range p.did {
					did[name] += n
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("%d operations, 0 divergences: %v", runs*steps, did)
	for _, name := range []string{"publish", "batch", "remove", "undo", "undo last", "undo to", "gc", "foreign", "foreign generations", "killed", "refused"} {
		if did[name] == 0 {
			t.Errorf("no %s", name)
		}
	}
}

// judge looks at the whole of the repository.
func (p *play) judge() error {
	binaries, sources, err := served(p.Mem)
	if err != nil {
		return err
	}
	r, err := p.repo()
	if err != nil {
		return err
	}
	chain, err := r.VerifyHistory("")
	if err == nil && (report.Refused(chain.Findings) || chain.Generations != len(p.past)-1) {
		err = fmt.Errorf("history: %d generations, %v", chain.Generations, chain.Findings)
	}
	return errors.Join(judgePair(binaries, sources), err)
}
