// A counter: one live instance for each name, wherever it is called from.
//
// No method waits for anything, so each is one turn: nobody comes between its read and its write, and
// what it wrote is on disk before the caller has the answer. There is nothing to lock.
package main

import (
	"fmt"
	"os"

	counters "{{name}}-object/bindings/export_me_{{snake}}_counters"
	durable "{{name}}-object/bindings/selvedge_durable_types"
	storage "{{name}}-object/bindings/selvedge_durable_storage"
	. "{{name}}-object/bindings/wit/types"
	_ "{{name}}-object/bindings/wit_exports"
	"{{name}}-object/tally"
)

const key = "value"

// A component has no main of its own: the host calls what it exports.
func init() {
	counters.NewCounter = func(name string) counters.CounterMethods { return &counter{} }
}

func main() {}

// What the instance holds lives as long as it does; what is put into storage lives on.
type counter struct {
	value uint64
	// Whether value is what is stored.
	isRead bool
}

func (c *counter) Get() Result[uint64, durable.Error] {
	if !c.isRead {
		stored := storage.Get(key)
		if stored.IsErr() {
			return failed(stored.Err())
		}
		c.value, c.isRead = tally.Read(stored.Ok().SomeOr(nil)), true
	}
	return Ok[uint64, durable.Error](c.value)
}

func (c *counter) Add(by uint64) Result[uint64, durable.Error] {
	stands := c.Get()
	if stands.IsErr() {
		return stands
	}
	sum := c.value + by
	if sum < by {
		return Err[uint64](durable.MakeErrorInvalid("the counter is full"))
	}
	if put := storage.Put(key, tally.Write(sum)); put.IsErr() {
		return failed(put.Err())
	}
	c.value = sum
	return Ok[uint64, durable.Error](sum)
}

func failed(err storage.Error) Result[uint64, durable.Error] {
	// Standard error is the log.
	fmt.Fprintf(os.Stderr, "storage failed: error %d\n", err.Tag())
	return Err[uint64](durable.MakeErrorReset("storage failed"))
}
