package tupkg

import (
	"context"
	"encoding/binary"
	"errors"
)

// betterReason looks for what the server said before it stopped reading.
func (p *pushing) betterReason(sent error) error {
	if errors.Is(sent, ErrRefused) || errors.Is(sent, ErrProtocol) {
		return sent
	}
	if errors.Is(sent, ErrLocal) {
		_ = p.send(kindCancel, cancelMessage{ID: p.last})
	}
	var told error
	_ = p.within(p.o.DrainTime, func() error {
		_, told = p.await(kindVerdict)
		return told
	})
	if errors.Is(told, ErrRefused) && !errors.Is(sent, ErrLocal) {
		return told
	}
	return sent
}

const chunk2Bytes = 256 << 10

// sendAll sends the missing bytes of all files, and listens between the chunks.
func (p *pushing) sendAll(ctx context.Context, held []int64) error {
	told := sending{report: p.set.Progress, total: total(p.set.Files), skipped: p.result.Skipped}
	told.tell("", 0)
	frame := make([]byte, headBytes+dataHead+chunk2Bytes)
	for i, f := range p.set.Files {
		for at := held[i]; at < f.Size; {
			select {
			case m := <-p.in:
				if err := p.hear(m); err != nil {
					return err
				}
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			default:
			}
			n, err := p.sendPart(f, uint32(i), at, frame)
			if err != nil {
				return err
			}
			at += int64(n)
			p.data += int64(n)
			told.tell(f.Name, p.data)
		}
	}
	return nil
}

// sendPart sends the next bytes of a file and returns how many. frame has room for all of
// one DATA message.
func (p *pushing) sendPart(f File, number uint32, at int64, frame []byte) (int, error) {
	n, err := p.load(f, at)
	if err != nil {
		return 0, err
	}
	if n > 0 {
		head := p.dataHead(frame, number, n)
		p.writing.Lock()
		defer p.writing.Unlock()
		return n, p.Conn.(Carrier).Send(head)
	}
	chunk, err := readChunk(f, at, frame[headBytes+dataHead:])
	if err != nil {
		return 0, err
	}
	head := p.dataHead(frame, number, len(chunk))
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err = p.Write(frame[:len(head)+len(chunk)])
	return len(chunk), err
}

// dataHead begins a DATA message of n bytes.
func (p *pushing) dataHead(frame []byte, file uint32, n int) []byte {
	frame[0] = byte(kindData)
	binary.BigEndian.PutUint32(frame[1:], uint32(dataHead+n))
	binary.BigEndian.PutUint32(frame[headBytes:], p.last)
	binary.BigEndian.PutUint32(frame[headBytes+4:], file)
	return frame[:headBytes+dataHead]
}
