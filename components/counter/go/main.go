// A counter in Go: the object of `../object`, for the same callers.
//
// The host keeps one live instance for each name and makes its counter once. What the struct holds
// lives as long as that instance; what is put into storage lives on.
//
// No method waits for anything, so each is one turn: nobody comes between its read and its write, and
// the write is on disk before the caller has the answer. There is nothing to lock and to flush.
package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"

	"counter/bindings/demo_counter_counters"
	counters "counter/bindings/export_demo_counter_counters"
	"counter/bindings/selvedge_durable_storage"
	"counter/bindings/selvedge_durable_types"
	. "counter/bindings/wit/types"

	_ "counter/bindings/wit_exports"
)

// The one key that a counter stores: eight bytes, the highest first.
const key = "value"

// What a method answers.
type answer = Result[demo_counter_counters.Count, selvedge_durable_types.Error]

// A component has no main of its own: the host calls what it exports.
func init() {
	counters.NewCounter = func(name string) counters.CounterMethods { return &counter{} }
}

func main() {}

// The live instance of a counter.
type counter struct {
	// What is stored, once it was read: storage is read once in an instance's life.
	value  uint64
	isRead bool
	visits uint64
}

func (c *counter) Get() answer {
	if err := c.read(); err != nil {
		return failed(err)
	}
	return c.count()
}

func (c *counter) Add(by uint64) answer {
	if err := c.read(); err != nil {
		return failed(err)
	}
	sum, carry := bits.Add64(c.value, by, 0)
	if carry != 0 {
		return refused(selvedge_durable_types.MakeErrorInvalid("the counter is full"))
	}
	if put := selvedge_durable_storage.Put(key, binary.BigEndian.AppendUint64(nil, sum)); put.IsErr() {
		return failed(fmt.Errorf("storage: error %d", put.Err().Tag()))
	}
	// If the turn is not committed, this instance ends, and its memory with it: the two agree.
	c.value = sum
	return c.count()
}

func (c *counter) read() error {
	if c.isRead {
		return nil
	}
	stored := selvedge_durable_storage.Get(key)
	if stored.IsErr() {
		return fmt.Errorf("storage: error %d", stored.Err().Tag())
	}
	if bytes := stored.Ok().SomeOr(make([]byte, 8)); len(bytes) != 8 {
		return fmt.Errorf("what is stored at %q is no counter: %v", key, bytes)
	} else {
		c.value = binary.BigEndian.Uint64(bytes)
	}
	c.isRead = true
	return nil
}

// count counts this visit.
func (c *counter) count() answer {
	c.visits++
	return Ok[demo_counter_counters.Count, selvedge_durable_types.Error](
		demo_counter_counters.Count{Value: c.value, Visits: c.visits})
}

// What exactly went wrong is for the log.
func failed(err error) answer {
	fmt.Fprintln(os.Stderr, err)
	return refused(selvedge_durable_types.MakeErrorReset("the counter cannot be read or written"))
}

func refused(err selvedge_durable_types.Error) answer {
	return Err[demo_counter_counters.Count](err)
}
