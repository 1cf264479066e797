package plugins

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// callLimits bound what a plugin is sent, and what it may answer.
func callLimits() grpc.DialOption {
	return grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(maxAnswer), grpc.MaxCallSendMsgSize(maxRequest), grpc.ForceCodecV2(countingCodec{encoding.GetCodecV2("proto")}))
}

// countingCodec is gRPC's own, and counts what a message lists before it makes anything of
// it: an element can take two bytes on the wire, and a hundred times as much in memory.
type countingCodec struct{ encoding.CodecV2 }

// Unmarshal implements [encoding.CodecV2].
func (c countingCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	left := maxElements
	if err := countElements(data.Materialize(), m.ProtoReflect().Descriptor(), &left); err != nil {
		return err
	}
	return c.CodecV2.Unmarshal(data, v)
}

// countElements takes the messages and the elements of lists from what is left, in a
// message and all that it holds.
func countElements(text []byte, is protoreflect.MessageDescriptor, left *int) error {
	for len(text) > 0 {
		number, kind, n := protowire.ConsumeTag(text)
		if n < 0 {
			return protowire.ParseError(n)
		}
		text = text[n:]
		size := protowire.ConsumeFieldValue(number, kind, text)
		if size < 0 {
			return protowire.ParseError(size)
		}
		field := is.Fields().ByNumber(number)
		if field != nil && (field.IsList() || field.Message() != nil) {
			if *left--; *left < 0 {
				return status.Error(codes.ResourceExhausted, fmt.Sprintf("more than %d elements", maxElements))
			}
		}
		if field != nil && field.Message() != nil && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(text)
			if err := countElements(inner, field.Message(), left); err != nil {
				return err
			}
		}
		text = text[size:]
	}
	return nil
}
