// What core modules are given by the host: for each kind of trampoline, what makes it for a program, and then for an
// instance (Canonical ABI, "Canonical Definitions").

import { Func, asyncStartCall, lowered, prepareCall, syncStartCall } from "./calls.js";
import { ResourceHandle, dropResource, transferBorrow, transferOwn } from "./handles.js";
import {
  ReadableFutureEnd, ReadableStreamEnd, WritableFutureEnd, WritableStreamEnd, copyFuture, copyStream, isBlocked, newPair, transfer,
} from "./streams.js";
import { TRANSCODERS } from "./strings.js";
import { Task } from "./tasks.js";
import { Trap } from "./trap.js";
import { NONE, Subtask, Waitable, WaitableSet } from "./waitables.js";

/** Reads or writes, and waits for it where the component does not go on beside it. */
function copying(copy, kind) {
  return (program, _table, options) => {
    const isAsync = program.isAsync(options);
    return (store) => {
      const side = store.side(options);
      const begin = (index, ...buffer) => copy(side, kind, index, ...buffer);
      if (isAsync) return begin;
      return store.suspending((index, ...buffer) => {
        const packed = begin(index, ...buffer);
        if (!isBlocked(packed)) return packed;
        const end = side.instance.handles.get(index, kind);
        return end.ready().then(() => end.take()[2]);
      });
    };
  };
}
const inTable = (tables, kind, act) => (program, table) => (store) => (index) => act(store.instances[program[tables][table]].handles, index, kind);
const cancelling = (tables, kind) => inTable(tables, kind, (handles, index) => handles.get(index, kind).cancel());
const dropping = (tables, kind) => inTable(tables, kind, (handles, index) => handles.remove(index, kind).drop());
const making = (isFuture, tables, types) => (program, table) => (store) => () => newPair(store.instances[program[tables][table]], isFuture, program[types][table]);
const moving = (tables, types, kind) => (program) => (store) => (index, from, to) =>
  transfer(store.instances[program[tables][from]], store.instances[program[tables][to]], kind, index, program[types][to]);
const ofInstance = (act) => (_program, instance, ...rest) => (store) => act(store.instances[instance], ...rest);

/** Writes an event where the component wants it, and gives its code. */
function storeEvent(side, pointer, [code, index, payload]) {
  side.slice(pointer, 8, 4);
  side.view.setUint32(pointer >>> 0, index, true);
  side.view.setUint32((pointer >>> 0) + 4, payload, true);
  return code;
}

async function waitFor(set) {
  for (;;) {
    const event = set.poll();
    if (event !== null) return event;
    await new Promise((resolve) => set.waiting.add(resolve));
  }
}

const MAKERS = {
  lower: (program, index, told, options) => {
    const func = new Func(program.types, told);
    const target = program.target(index);
    const waits = !program.isAsync(options) && program.waits(index, func);
    return (store) => {
      const run = lowered(store, () => target(store), func, store.side(options));
      return waits ? store.suspending(run) : run;
    };
  },
  transcode: (_program, how, from, to) => (store) => TRANSCODERS[how](store.memories[from].memory, store.memories[to].memory),
  "resource-new": (program, table) => (store) => (rep) => store.instances[program.tableInstance(table)].handles.add(new ResourceHandle(program.resourceOf(table), rep, true)),
  "resource-rep": (program, table) => (store) => (index) => store.instances[program.tableInstance(table)].handles.get(index, ResourceHandle).rep,
  "resource-drop": (program, table) => (store) => (index) => dropResource(store, store.instances[program.tableInstance(table)], index, program.resourceOf(table)),
  "resource-transfer-own": () => (store) => (index, from, to) => transferOwn(store, index, from, to),
  "resource-transfer-borrow": () => (store) => (index, from, to) => transferBorrow(store, index, from, to),

  backpressure: ofInstance((instance, by) => () => instance.press(by)),
  "task-return": (program, results, options) => {
    const func = new Func(program.types, [[], results, true]);
    return (store) => {
      const side = store.side(options);
      return (...flat) => store.current.return({ flat, func, side });
    };
  },
  "task-cancel": () => (store) => () => store.current.confirmCancel(),
  "thread-yield": () => (store) => store.suspending(() => new Promise((resolve) => store.later(() => resolve(0)))),
  "enter-sync-call": () => (store) => (_caller, isAsync, callee) => {
    const task = new Task(store, store.instances[callee], isAsync !== 0);
    task.caller = store.current;
    store.current = task;
  },
  "exit-sync-call": () => (store) => () => void (store.current = store.current.caller),
  "prepare-call": () => prepareCall,
  "sync-start-call": (_program, callback) => syncStartCall(callback),
  "async-start-call": (_program, callback, postReturn) => asyncStartCall(callback, postReturn),
  trap: () => () => (code) => {
    throw new Trap(`an adapter trapped with code ${code}`);
  },

  "waitable-set-new": ofInstance((instance) => () => instance.handles.add(new WaitableSet())),
  "waitable-set-poll": (_program, instance, options) => (store) => {
    const side = store.side(options);
    return (index, pointer) => storeEvent(side, pointer, store.instances[instance].handles.get(index, WaitableSet).poll() ?? NONE);
  },
  "waitable-set-wait": (_program, instance, options) => (store) => {
    const side = store.side(options);
    return store.suspending((index, pointer) => {
      const set = store.instances[instance].handles.get(index, WaitableSet);
      const event = set.poll();
      if (event !== null) return storeEvent(side, pointer, event);
      return waitFor(set).then((event) => storeEvent(side, pointer, event));
    });
  },
  "waitable-set-drop": ofInstance(({ handles }) => (index) => handles.remove(index, WaitableSet).drop()),
  "waitable-join": ofInstance(({ handles }) => (index, set) => handles.get(index, Waitable).join(set === 0 ? null : handles.get(set, WaitableSet))),
  "subtask-drop": ofInstance(({ handles }) => (index) => handles.remove(index, Subtask).drop()),
  "subtask-cancel": (_program, instance, isAsync) => (store) => {
    const { handles } = store.instances[instance];
    const ask = (index) => {
      const subtask = handles.get(index, Subtask);
      if (!subtask.isResolved) subtask.cancel();
      return subtask;
    };
    const end = (subtask) => subtask.take()[2];
    if (isAsync) {
      return (index) => {
        const subtask = ask(index);
        return subtask.isResolved ? end(subtask) : -1;
      };
    }
    return store.suspending((index) => {
      const subtask = ask(index);
      return subtask.isResolved ? end(subtask) : subtask.ready().then(() => end(subtask));
    });
  },

  "stream-new": making(false, "streamInstances", "streams"),
  "stream-read": copying(copyStream, ReadableStreamEnd),
  "stream-write": copying(copyStream, WritableStreamEnd),
  "stream-cancel-read": cancelling("streamInstances", ReadableStreamEnd),
  "stream-cancel-write": cancelling("streamInstances", WritableStreamEnd),
  "stream-drop-readable": dropping("streamInstances", ReadableStreamEnd),
  "stream-drop-writable": dropping("streamInstances", WritableStreamEnd),
  "stream-transfer": moving("streamInstances", "streams", ReadableStreamEnd),
  "future-new": making(true, "futureInstances", "futures"),
  "future-read": copying(copyFuture, ReadableFutureEnd),
  "future-write": copying(copyFuture, WritableFutureEnd),
  "future-cancel-read": cancelling("futureInstances", ReadableFutureEnd),
  "future-cancel-write": cancelling("futureInstances", WritableFutureEnd),
  "future-drop-readable": dropping("futureInstances", ReadableFutureEnd),
  "future-drop-writable": dropping("futureInstances", WritableFutureEnd),
  "future-transfer": moving("futureInstances", "futures", ReadableFutureEnd),
};

/** A trampoline of the description, for a program: gives what makes it for an instance. */
export function trampoline(program, [kind, ...told]) {
  return MAKERS[kind](program, ...told);
}

/** Whether a trampoline may put a component's stack aside. */
export function mayWait(program, [kind, first, second, third]) {
  switch (kind) {
    case "waitable-set-wait":
    case "sync-start-call":
    case "thread-yield":
      return true;
    case "subtask-cancel":
      return !second;
    case "stream-read":
    case "stream-write":
    case "future-read":
    case "future-write":
      return !program.isAsync(second);
    case "lower":
      return !program.isAsync(third) && program.waits(first, { isAsync: second[2] });
    default:
      return false;
  }
}

