// This file is that of `go.bytecodealliance.org/pkg` 0.2.3 (Apache-2.0 WITH LLVM-exception), but for the
// two fields, which need no allocation.

package wit_types

const (
	ResultOk  = 0
	ResultErr = 1
)

type Result[T any, U any] struct {
	tag uint8
	ok  T
	err U
}

func (self Result[T, U]) Tag() uint8 {
	return self.tag
}

func (self Result[T, U]) Ok() T {
	if self.tag != ResultOk {
		panic("tag mismatch")
	}
	return self.ok
}

func (self Result[T, U]) Err() U {
	if self.tag != ResultErr {
		panic("tag mismatch")
	}
	return self.err
}

func (self Result[T, U]) IsErr() bool {
	return self.tag == ResultErr
}

func (self Result[T, U]) IsOk() bool {
	return self.tag == ResultOk
}

func Ok[T any, U any](value T) Result[T, U] {
	return Result[T, U]{tag: ResultOk, ok: value}
}

func Err[T any, U any](value U) Result[T, U] {
	return Result[T, U]{tag: ResultErr, err: value}
}
