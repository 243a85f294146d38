// Package async lets goroutines wait for calls, streams and futures of the component model.
//
// It stands in the place of `go.bytecodealliance.org/pkg/wit/async`, with the same names for
// generated code. What differs: an instance may have many tasks (calls of its exports) at once, and
// goroutines of one may wait for those of another, by a mutex or a channel; and timers of Go's own,
// such as `time.Sleep` and those of `context`, do not stop the other tasks.
//
// A turn is a run of Go code on behalf of one task, until every goroutine waits. A goroutine that
// goes on in another task's turn, because a goroutine of that one woke it, may do anything but return
// from its own export: for that it waits for a turn of its own ([Task.Enter]).
package async

import (
	"fmt"
	"unsafe"
)

// Numbers of the canonical ABI.
const (
	eventNone        uint32 = 0
	eventSubtask     uint32 = 1
	eventStreamRead  uint32 = 2
	eventStreamWrite uint32 = 3
	eventFutureRead  uint32 = 4
	eventFutureWrite uint32 = 5
	eventCancelled   uint32 = 6

	statusReturned uint32 = 2

	callbackExit uint32 = 0
	callbackWait uint32 = 2

	returnBlocked uint32 = 0xFFFFFFFF
)

// How a stream or a future went on.
const (
	RETURN_CODE_COMPLETED uint32 = 0
	RETURN_CODE_DROPPED   uint32 = 1
)

// A Task is one call of an export, from its beginning until nothing is left to be done for it.
type Task struct {
	// The waitables whose events are given to this task; 0 where there were none yet.
	set uint32
	// How many of them a goroutine waits for.
	awaited int
	// Whether the export has returned.
	returned bool
	// Closed in the task's next turn, for the goroutine that waits for it.
	entering chan struct{}
	// Its neighbours among all tasks that have not ended.
	before, after *Task
}

// A waiter is a goroutine that waits for an event.
type waiter struct {
	event chan uint32
	task  *Task
}

// A timer is a call of the host's clock: the one for the first of all timers of this program.
type timer struct {
	subtask  uint32
	deadline int64
	task     *Task
}

var (
	// The task whose turn it is; nil in an export that cannot wait.
	current *Task
	// The ring of all tasks that have not ended, without itself. The host keeps a pointer to each, of
	// which the collector does not know.
	tasks Task
	// By handle, which are small numbers.
	waiters []waiter
	// Channels that nobody uses now.
	events []chan uint32
	// Goroutines that have nothing to do. Their stacks have grown already, which costs more than all
	// else where each request has new ones.
	workers []chan func()
	// Streams that wake a task: their writable ends by the readable ones.
	wakers = map[uint32]uint32{}
	clock  *timer
)

// Run begins a task. Called by the generated export; the result is for the host.
func Run(export func(task *Task)) uint32 {
	task := &Task{before: &tasks, after: tasks.after}
	tasks.after.before, tasks.after = task, task
	current = task
	Go(func() {
		export(task)
		task.returned = true
	})
	return task.turn()
}

// Go is as the statement `go`, with a goroutine that may have done other work before.
func Go(work func()) {
	var worker chan func()
	if last := len(workers) - 1; last >= 0 {
		worker = workers[last]
		workers = workers[:last]
	} else {
		worker = make(chan func(), 1)
		go func() {
			for work := range worker {
				work()
				workers = append(workers, worker)
			}
		}()
	}
	worker <- work
}

func init() { tasks.before, tasks.after = &tasks, &tasks }

// Callback goes on with the task that an event is for. Called by the generated export.
func Callback(event, handle, code uint32) uint32 {
	task := (*Task)(contextGet())
	current = task
	deliver(event, handle, code)
	if entering := task.entering; entering != nil {
		task.entering = nil
		close(entering)
	}
	return task.turn()
}

// Enter waits until it is this task's turn. Called by generated code, before the export returns: the
// host takes a result as that of the task whose turn it is.
func (task *Task) Enter() {
	if current == task {
		return
	}
	entering := make(chan struct{})
	task.entering = entering
	task.wake()
	<-entering
}

// turn lets goroutines run until all of them wait, and tells the host what to do then.
func (task *Task) turn() uint32 {
	for {
		deadline, remaining := untilIdle()
		if !arm(deadline, remaining) {
			continue
		}
		if task.returned && task.awaited == 0 && !task.keepsTime() {
			task.before.after, task.after.before = task.after, task.before
			if task.set != 0 {
				waitableSetDrop(task.set)
			}
			current = nil
			return callbackExit
		}
		contextSet(unsafe.Pointer(task))
		current = nil
		return callbackWait | task.waitables()<<4
	}
}

// waitables is the task's set, made where there was none.
func (task *Task) waitables() uint32 {
	if task.set == 0 {
		task.set = waitableSetNew()
	}
	return task.set
}

// wake makes an event for a task that waits, by a stream that only this package knows.
func (task *Task) wake() {
	pair := streamNew()
	reader, writer := uint32(pair), uint32(pair>>32)
	if code := streamRead(reader, nil, 1); code != returnBlocked {
		panic(fmt.Sprintf("a stream that nobody wrote to could be read: %v", code))
	}
	wakers[reader] = writer
	waitableJoin(reader, task.waitables())
	streamWrite(writer, nil, 1)
}

// deliver gives an event to the goroutine that waits for it.
func deliver(event, handle, code uint32) {
	switch event {
	case eventNone, eventCancelled:
		// A task that is to be cancelled may go on; its result is then thrown away.
		return
	case eventSubtask:
		if code < statusReturned {
			return
		}
		waitableJoin(handle, 0)
		subtaskDrop(handle)
		if clock != nil && clock.subtask == handle {
			clock = nil
			return
		}
	case eventStreamRead, eventStreamWrite, eventFutureRead, eventFutureWrite:
		waitableJoin(handle, 0)
		if writer, ok := wakers[handle]; ok {
			delete(wakers, handle)
			streamDropReadable(handle)
			streamDropWritable(writer)
			return
		}
	default:
		panic(fmt.Sprintf("an event of an unknown kind: %v", event))
	}
	if int(handle) >= len(waiters) || waiters[handle].task == nil {
		panic(fmt.Sprintf("an event for nobody: kind %v, handle %v", event, handle))
	}
	waiter := waiters[handle]
	waiters[handle].task = nil
	waiter.task.awaited--
	waiter.event <- code
}

// await waits for the next event of a handle.
func await(handle uint32) uint32 {
	task := current
	if task == nil {
		// In an export that cannot wait itself, any other task gets the event.
		task = tasks.after
	}
	if task == &tasks {
		panic("an asynchronous call in an export, or in an init function, that is not asynchronous")
	}
	var event chan uint32
	if last := len(events) - 1; last >= 0 {
		event = events[last]
		events = events[:last]
	} else {
		event = make(chan uint32, 1)
	}
	for int(handle) >= len(waiters) {
		waiters = append(waiters, waiter{})
	}
	waiters[handle] = waiter{event, task}
	task.awaited++
	waitableJoin(handle, task.waitables())
	code := <-event
	events = append(events, event)
	return code
}

// SubtaskWait waits until a call of an import has returned.
func SubtaskWait(status uint32) {
	if status&0xF < statusReturned {
		await(status >> 4)
	}
}

// FutureOrStreamWait waits until a read or a write is done, and tells how it went, and how far.
func FutureOrStreamWait(code uint32, handle int32) (uint32, uint32) {
	if code == returnBlocked {
		code = await(uint32(handle))
	}
	return code & 0xF, code >> 4
}

// arm sees to it that the host wakes this program for its first timer: at `deadline`, which is 0
// where it has none. It answers false where that is now.
func arm(deadline, remaining int64) bool {
	if clock != nil && (deadline == 0 || deadline < clock.deadline) {
		waitableJoin(clock.subtask, 0)
		subtaskCancel(clock.subtask)
		subtaskDrop(clock.subtask)
		clock = nil
	}
	if clock != nil || deadline == 0 {
		return true
	}
	status := waitFor(uint64(max(remaining, 1)))
	if status&0xF >= statusReturned {
		return false
	}
	clock = &timer{status >> 4, deadline, current}
	waitableJoin(clock.subtask, current.waitables())
	return true
}

// keepsTime tells whether the task has to stay because it gets the clock's event. Another task takes
// that over, where there is one.
func (task *Task) keepsTime() bool {
	if clock == nil || clock.task != task {
		return false
	}
	other := tasks.after
	if other == task {
		other = task.after
	}
	if other == &tasks {
		return true
	}
	clock.task = other
	waitableJoin(clock.subtask, 0)
	waitableJoin(clock.subtask, other.waitables())
	return false
}

// untilIdle waits until no other goroutine can run. It answers when the first timer is due, on the
// clock of the runtime, and in how many nanoseconds; 0 where there is none. Go's runtime has it by an
// overlay that `selvedge build` makes.
//
//go:linkname untilIdle runtime.selvedgeUntilIdle
func untilIdle() (deadline, remaining int64)

//go:wasmimport wasi:clocks/monotonic-clock@0.3.0 [async-lower]wait-for
func waitFor(nanoseconds uint64) uint32

//go:wasmimport $root [waitable-set-new]
//go:noescape
func waitableSetNew() uint32

//go:wasmimport $root [waitable-set-drop]
//go:noescape
func waitableSetDrop(waitableSet uint32)

//go:wasmimport $root [waitable-join]
//go:noescape
func waitableJoin(waitable, waitableSet uint32)

//go:wasmimport $root [context-get-0]
//go:noescape
func contextGet() unsafe.Pointer

//go:wasmimport $root [context-set-0]
//go:noescape
func contextSet(value unsafe.Pointer)

//go:wasmimport $root [subtask-cancel]
//go:noescape
func subtaskCancel(subtask uint32) uint32

//go:wasmimport $root [subtask-drop]
//go:noescape
func subtaskDrop(subtask uint32)

//go:wasmimport $root [stream-new-unit]
//go:noescape
func streamNew() uint64

//go:wasmimport $root [async-lower][stream-read-unit]
//go:noescape
func streamRead(handle uint32, items unsafe.Pointer, count uint32) uint32

//go:wasmimport $root [async-lower][stream-write-unit]
//go:noescape
func streamWrite(handle uint32, items unsafe.Pointer, count uint32) uint32

//go:wasmimport $root [stream-drop-readable-unit]
//go:noescape
func streamDropReadable(handle uint32)

//go:wasmimport $root [stream-drop-writable-unit]
//go:noescape
func streamDropWritable(handle uint32)
