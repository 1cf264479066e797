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
			chunk, err := readChunk(f, at, frame[headBytes+dataHead:])
			if err != nil {
				return err
			}
			if err := p.sendData(frame, uint32(i), len(chunk)); err != nil {
				return err
			}
			at += int64(len(chunk))
			p.data += int64(len(chunk))
			told.tell(f.Name, p.data)
		}
	}
	return nil
}

// sendData writes one DATA message, whose n bytes stand in frame already.
func (p *pushing) sendData(frame []byte, file uint32, n int) error {
	frame[0] = byte(kindData)
	binary.BigEndian.PutUint32(frame[1:], uint32(dataHead+n))
	binary.BigEndian.PutUint32(frame[headBytes:], p.last)
	binary.BigEndian.PutUint32(frame[headBytes+4:], file)
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.Write(frame[:headBytes+dataHead+n])
	return err
}
