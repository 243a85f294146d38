// Package tally knows how a counter is stored: the part that needs no host, so `go test` runs it on any
// machine.
package tally

import "encoding/binary"

// Read is the number in what was stored: eight bytes, the highest first; 0 where nothing was.
func Read(stored []byte) uint64 {
	if len(stored) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(stored)
}

// Write is what is stored of a number.
func Write(value uint64) []byte { return binary.BigEndian.AppendUint64(nil, value) }
