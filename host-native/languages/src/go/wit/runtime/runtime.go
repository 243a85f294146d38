// Package runtime moves values between Go's memory and the host.
//
// It stands in the place of `go.bytecodealliance.org/pkg/wit/runtime`, with the same names for
// generated code. What differs: what the host gives is put into memory that Go's collector does not
// know, and copied from there once. The collector cannot run while the host allocates, which may be
// between two tasks, nor take away what a task has not read yet.
package runtime

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// A Handle is an index into the table of a component's resources, or 0 once it was given away.
type Handle struct {
	value int32
}

func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("nil handle")
	}
	return h.value
}

func (h *Handle) Take() int32 {
	if h.value == 0 {
		panic("nil handle")
	}
	value := h.value
	h.value = 0
	return value
}

func (h *Handle) Set(value int32) {
	if value == 0 {
		panic("nil handle")
	}
	if h.value != 0 {
		panic("handle already set")
	}
	h.value = value
}

func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

func MakeHandle(value int32) *Handle {
	if value == 0 {
		panic("nil handle")
	}
	return &Handle{value}
}

// A Pinner keeps memory that the host is told of. Go's collector does not move what is on the heap, so
// there is nothing to do but to remember it; [runtime.Pinner] does more than that, and takes longer.
type Pinner struct {
	kept  []unsafe.Pointer
	first [6]unsafe.Pointer
}

// Pin keeps what a pointer points to until [Pinner.Unpin].
func (p *Pinner) Pin(pointer unsafe.Pointer) {
	if p.kept == nil {
		p.kept = p.first[:0]
	}
	p.kept = append(p.kept, pointer)
}

// Unpin lets everything go.
func (p *Pinner) Unpin() {
	p.kept = nil
	p.first = [6]unsafe.Pointer{}
}

// Allocate gives memory of Go's that stays until `pinner` lets it go.
func Allocate(pinner *Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	if size%align != 0 {
		panic(fmt.Sprintf("size %v is not compatible with alignment %v", size, align))
	}
	var pointer unsafe.Pointer
	switch align {
	case 1:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case 2:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint16, size/align)))
	case 4:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint32, size/align)))
	case 8:
		pointer = unsafe.Pointer(unsafe.SliceData(make([]uint64, size/align)))
	default:
		panic(fmt.Sprintf("unsupported alignment: %v", align))
	}
	pinner.Pin(pointer)
	return pointer
}

// An Integer is what lengths are in generated code.
type Integer interface {
	~int | ~int32 | ~uint32 | ~int64 | ~uint64 | ~uintptr
}

// TakeString copies a string that the host gave, and frees the host's.
func TakeString[L Integer](from *uint8, length L) string {
	value := string(unsafe.Slice(from, int(length)))
	Free(unsafe.Pointer(from), uintptr(length))
	return value
}

// TakeSlice copies a list of numbers that the host gave, and frees the host's.
func TakeSlice[T any, L Integer](from *T, length L) []T {
	value := make([]T, int(length))
	copy(value, unsafe.Slice(from, int(length)))
	Free(unsafe.Pointer(from), uintptr(length)*unsafe.Sizeof(*from))
	return value
}

// Unpin is called by generated code when it has taken its arguments.
func Unpin() {}

// Memory for the host's values comes in pieces of a power of two bytes; those that were freed are
// chained up by their first word.
const (
	smallestBits = 4
	largestBits  = 31
	// Small pieces are cut from a block of so many bytes.
	blockBits = 16
)

var (
	free  [largestBits + 1]uintptr
	block struct{ next, end uintptr }
)

// pieceBits is the power of two of the piece that holds `size` bytes.
func pieceBits(size uintptr) int {
	return max(bits.Len64(uint64(size-1)), smallestBits)
}

// Free gives back `size` bytes of the host's, a list that was read.
func Free(pointer unsafe.Pointer, size uintptr) {
	if size == 0 {
		return
	}
	power := pieceBits(size)
	*(*uintptr)(pointer) = free[power]
	free[power] = uintptr(pointer)
}

func allocate(size uintptr) unsafe.Pointer {
	power := pieceBits(size)
	if power > largestBits {
		panic(fmt.Sprintf("the host asked for %v bytes", size))
	}
	if piece := free[power]; piece != 0 {
		free[power] = *(*uintptr)(unsafe.Pointer(piece))
		return unsafe.Pointer(piece)
	}
	bytes := uintptr(1) << power
	if power >= blockBits {
		return grown(bytes)
	}
	if block.end-block.next < bytes {
		// The rest of the last block is less than a piece of this size; it is not worth keeping.
		block.next = uintptr(grown(1 << blockBits))
		block.end = block.next + 1<<blockBits
	}
	piece := block.next
	block.next += bytes
	return unsafe.Pointer(piece)
}

func grown(bytes uintptr) unsafe.Pointer {
	pointer := sbrk(bytes)
	if pointer == nil {
		panic(fmt.Sprintf("there is no memory for %v bytes of the host's", bytes))
	}
	return pointer
}

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	if old == nil || oldSize == 0 {
		return allocate(size)
	}
	if pieceBits(oldSize) == pieceBits(size) {
		return old
	}
	moved := allocate(size)
	kept := min(oldSize, size)
	copy(unsafe.Slice((*byte)(moved), kept), unsafe.Slice((*byte)(old), kept))
	Free(old, oldSize)
	return moved
}
