// What core modules are given by the host: for each kind of trampoline, how it is made (Canonical ABI, "Canonical
// Definitions").

import { Func, asyncStartCall, lowered, prepareCall, syncStartCall, taskReturn } from "./calls.js";
import { dropResource, newResource, resourceRep, transferBorrow, transferOwn } from "./handles.js";
import { ReadableFutureEnd, ReadableStreamEnd, WritableFutureEnd, WritableStreamEnd, dropEnd, findEnd, isBlocked, newPair, transfer } from "./streams.js";
import { TRANSCODERS } from "./strings.js";
import { Task } from "./tasks.js";
import { Trap } from "./trap.js";
import { NONE, Subtask, Waitable, WaitableSet } from "./waitables.js";

/**
 * A trampoline of a program.
 * @typedef {object} Trampoline
 * @property {(store: import("./store.js").Store) => Function} make the function for an instance
 * @property {number} [instance] the component instance that calls it, where that may not always call somebody
 * @property {boolean} [waits] whether it may put its caller's stack aside: then it gives a promise
 */

const ofInstance = (make) => (_program, index, ...rest) => ({ instance: index, make: (store) => make(store.instances[index], ...rest) });
/** Of an adapter, which sees to it itself that it is called where it may be. */
const ofAdapter = (make) => (program, ...told) => ({ make: make(program, ...told) });
const ofResource = (act) => (program, index) => {
  const table = program.resourceTables[index];
  return { instance: table.instance, make: (store) => (value) => act(store, value, table) };
};
const ofTable = (tables, act) => (program, index, ...rest) => {
  const table = program[tables][index];
  return { instance: table.instance, make: (store) => (...given) => act(store, table, given, ...rest) };
};
const [STREAMS, FUTURES] = ["streamTables", "futureTables"];

/** Reads or writes, and waits for it where the component does not go on beside it. */
function copying(tables, kind) {
  return (program, index, options) => {
    const table = program[tables][index];
    const waits = !program.isAsync(options);
    const make = (store) => {
      const side = store.side(options);
      if (!waits) return (end, ...buffer) => findEnd(store, table, kind, end).copy(side, ...buffer);
      return (index, ...buffer) => {
        store.mayWait();
        const end = findEnd(store, table, kind, index).alone();
        const packed = end.copy(side, ...buffer);
        return isBlocked(packed) ? end.ready().then(() => end.take()[2]) : packed;
      };
    };
    return { instance: table.instance, waits, make };
  };
}
const making = (tables) => ofTable(tables, (store, table) => newPair(store, table));
const cancelling = (tables, kind) =>
  ofTable(tables, (store, table, [index]) => {
    store.mayWait();
    return findEnd(store, table, kind, index).cancel();
  });
const dropping = (tables, kind) => ofTable(tables, (store, table, [index]) => dropEnd(store, table, kind, index));
const moving = (tables, kind) => ofAdapter((program) => (store) => (index, from, to) => transfer(store, kind, index, program[tables][from], program[tables][to]));

/** Writes an event where the component wants it, and gives its code. */
function storeEvent(side, pointer, [code, index, payload]) {
  side.slice(pointer, 8, 4);
  side.view.setUint32(pointer >>> 0, index, true);
  side.view.setUint32((pointer >>> 0) + 4, payload, true);
  return code;
}

async function waitFor(set) {
  for (;;) {
    await new Promise((resolve) => set.wait(resolve));
    const event = set.poll();
    set.looked();
    if (event !== null) return event;
  }
}

const MAKERS = {
  lower(program, index, told, options) {
    const waits = !program.isAsync(options) && program.waits(index, told[2]);
    const target = program.target(index);
    let func = null;
    const make = (store) => lowered(store, () => target(store), (func ??= new Func(program.types, told)), store.side(options), waits);
    return { instance: program.options[options][0], waits, make };
  },
  transcode: ofAdapter((_program, how, from, to) => (store) => TRANSCODERS[how](store.memories[from].memory, store.memories[to].memory)),

  "resource-new": ofResource(newResource),
  "resource-rep": ofResource(resourceRep),
  "resource-drop": ofResource(dropResource),
  "resource-transfer-own": ofAdapter(({ resourceTables }) => (store) => (index, from, to) => transferOwn(store, index, resourceTables[from], resourceTables[to])),
  "resource-transfer-borrow": ofAdapter(({ resourceTables }) => (store) => (index, from, to) => transferBorrow(store, index, resourceTables[from], resourceTables[to])),

  "prepare-call": ofAdapter((_program, memory) => prepareCall(memory)),
  "sync-start-call": (_program, callback) => ({ waits: true, make: syncStartCall(callback) }),
  "async-start-call": ofAdapter((_program, callback, postReturn) => asyncStartCall(callback, postReturn)),
  "enter-sync-call": ofAdapter(() => (store) => (_caller, isAsync, callee) => {
    const task = new Task(store, store.instances[callee], isAsync !== 0);
    task.caller = store.current;
    store.current = task;
  }),
  "exit-sync-call": ofAdapter(() => (store) => () => {
    store.current.giveBack();
    store.current = store.current.caller;
  }),
  trap: ofAdapter(() => () => (code) => {
    throw new Trap(`an adapter trapped with code ${code}`);
  }),

  backpressure: (_program, index, by) => ({ make: (store) => () => store.instances[index].press(by) }),
  "task-return": (program, resultsId, options) => ({ instance: program.options[options][0], make: (store) => taskReturn(store, resultsId, store.side(options)) }),
  "task-cancel": ofInstance(({ store }) => () => store.current.confirmCancel()),
  "thread-yield": (_program, instance) => ({
    instance,
    waits: true,
    // A task that cannot wait goes on at once.
    make: (store) => () => (store.current.isAsync ? new Promise((resolve) => store.later(() => resolve(0))) : 0),
  }),

  "waitable-set-new": ofInstance(({ handles }) => () => handles.add(new WaitableSet())),
  "waitable-set-poll": ofInstance(({ store, handles }, options) => {
    const side = store.side(options);
    return (index, pointer) => storeEvent(side, pointer, handles.get(index, WaitableSet).poll() ?? NONE);
  }),
  "waitable-set-wait": (_program, instance, options) => ({
    instance,
    waits: true,
    make: (store) => (index, pointer) => {
      store.mayWait();
      const side = store.side(options);
      return waitFor(store.instances[instance].handles.get(index, WaitableSet)).then((event) => storeEvent(side, pointer, event));
    },
  }),
  "waitable-set-drop": ofInstance(({ handles }) => (index) => handles.remove(index, WaitableSet).drop()),
  "waitable-join": ofInstance(({ handles }) => (index, set) => handles.get(index, Waitable).join(set === 0 ? null : handles.get(set, WaitableSet))),
  "subtask-drop": ofInstance(({ handles }) => (index) => handles.remove(index, Subtask).drop()),
  "subtask-cancel": (program, instance) => ({
    instance,
    // A call of the host's ends at once.
    waits: program.callsComponents,
    make: (store) => (index) => {
      store.mayWait();
      return store.instances[instance].handles.get(index, Subtask).alone().end();
    },
  }),

  "stream-new": making(STREAMS),
  "stream-read": copying(STREAMS, ReadableStreamEnd),
  "stream-write": copying(STREAMS, WritableStreamEnd),
  "stream-cancel-read": cancelling(STREAMS, ReadableStreamEnd),
  "stream-cancel-write": cancelling(STREAMS, WritableStreamEnd),
  "stream-drop-readable": dropping(STREAMS, ReadableStreamEnd),
  "stream-drop-writable": dropping(STREAMS, WritableStreamEnd),
  "stream-transfer": moving(STREAMS, ReadableStreamEnd),
  "future-new": making(FUTURES),
  "future-read": copying(FUTURES, ReadableFutureEnd),
  "future-write": copying(FUTURES, WritableFutureEnd),
  "future-cancel-read": cancelling(FUTURES, ReadableFutureEnd),
  "future-cancel-write": cancelling(FUTURES, WritableFutureEnd),
  "future-drop-readable": dropping(FUTURES, ReadableFutureEnd),
  "future-drop-writable": dropping(FUTURES, WritableFutureEnd),
  "future-transfer": moving(FUTURES, ReadableFutureEnd),
};

/**
 * A trampoline of the description.
 * @returns {Trampoline}
 */
export function trampoline(program, [kind, ...told]) {
  return MAKERS[kind](program, ...told);
}
