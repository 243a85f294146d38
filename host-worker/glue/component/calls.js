// Calls from the host into a component, from a component to the host, and from one component to another.

import { Flat, sequence } from "./types.js";
import { Task } from "./tasks.js";
import { Trap } from "./trap.js";
import { RETURNED, STARTED, STARTING, Subtask } from "./waitables.js";

/** How many core values a call has at most; what is more lies in memory. Source: Canonical ABI, `MAX_FLAT_PARAMS` and `MAX_FLAT_ASYNC_PARAMS`. */
const PARAMETERS = 16;
const PARAMETERS_ASYNC = 4;
const RESULTS = 1;

/** An error of WIT: what a function with a `result` gives as its `err`. */
const isPayload = (error) => error !== null && typeof error === "object" && Object.hasOwn(error, "payload");

/** The values of a function type, as they cross. */
export class Func {
  constructor(types, [parameters, results, isAsync, resultsId]) {
    this.parameters = parameters.map((ref) => types.get(ref));
    this.results = results.map((ref) => types.get(ref));
    this.isAsync = isAsync;
    this.resultsId = resultsId;
    this.given = sequence(this.parameters);
    this.taken = sequence(this.results);
    this.result = this.results[0];
    this.hasError = this.result?.kind === "result";
    /** A future is a promise, and not to be waited for. */
    this.givesFuture = this.result?.kind === "future";
  }
  /** Whether what a function of the host's has given is to be waited for. */
  isLater(given) {
    return given instanceof Promise && !this.givesFuture;
  }
  /** What a function of the host's has given or thrown, as its result. */
  outcome(act) {
    if (!this.hasError) return act();
    try {
      return { tag: "ok", val: act() };
    } catch (error) {
      if (!isPayload(error)) throw error;
      return { tag: "err", val: error.payload };
    }
  }
  /** The arguments from core values, of which there are at most so many. */
  liftArguments(side, flat, most) {
    const { parameters, given } = this;
    side.store.refuel();
    if (given.flat.length <= most) {
      const it = new Flat(flat);
      return parameters.map((type) => type.lift(side, it));
    }
    return load(side, parameters, given, flat[0]);
  }
  lowerArguments(side, values) {
    const { parameters, given } = this;
    const flat = [];
    if (given.flat.length <= PARAMETERS) {
      parameters.forEach((type, index) => type.lower(side, values[index], flat));
      return flat;
    }
    const pointer = side.allocate(given.size, given.align);
    parameters.forEach((type, index) => type.store(side, values[index], pointer + given.places[index]));
    return [pointer];
  }
  /** The result from core values, of which there are at most so many. */
  liftResult(side, flat, most) {
    const { results, taken } = this;
    if (results.length === 0) return undefined;
    side.store.refuel();
    return taken.flat.length <= most ? this.result.lift(side, new Flat(flat)) : load(side, results, taken, flat[0])[0];
  }
  /** Stores the result of the host where the component wants it. */
  storeResult(side, value, pointer) {
    if (this.result === undefined) return;
    side.slice(pointer, this.taken.size, this.taken.align);
    this.result.store(side, value, pointer >>> 0);
  }
}

function load(side, types, { places, size, align }, pointer) {
  const start = pointer >>> 0;
  side.slice(start, size, align);
  return types.map((type, index) => type.load(side, start + places[index]));
}

const rethrow = (error) => () => {
  throw error;
};
const one = (result) => (result === undefined ? [] : [result]);

// --- from the host ------------------------------------------------------------------------------

/** A function that a component exports, for the host: gives a promise. */
export function lifted(store, core, func, side) {
  const code = store.entry(core);
  const callback = side.callback === null ? null : store.entry(side.callback);
  return (...values) =>
    new Promise((resolve, reject) => {
      const answer = (value) => {
        if (store.isDead) return;
        if (!func.hasError) resolve(value);
        else if (value.tag === "ok") resolve(value.val);
        else reject({ payload: value.val });
      };
      const task = new Task(store, side.instance, func.isAsync);
      const most = side.isAsync ? PARAMETERS : RESULTS;
      task.answers = side.isAsync ? { resultsId: func.resultsId, encoding: side.encoding, memory: side.memory } : null;
      task.onReturn = (flat) => answer(store.within(task, () => func.liftResult(side, flat, most)));
      const then = side.isAsync ? (packed) => task.next(callback, packed) : (result) => returned(task, side.postReturn, result);
      task.start(() => ({ code, given: store.within(task, () => func.lowerArguments(side, values)), then }));
    });
}

/** After the code of a synchronous function. */
function returned(task, postReturn, result) {
  const flat = one(result);
  task.return(flat);
  if (postReturn !== null) task.instance.hold(postReturn, ...flat);
  task.exit();
}

/** `task.return`: the result must be the one of the task's function. */
export function taskReturn(store, resultsId, side) {
  return (...flat) => {
    const task = store.current;
    const isRight = task.answers?.resultsId === resultsId && task.answers.encoding === side.encoding;
    const isThere = side.memory === null || task.answers?.memory === side.memory;
    if (!isRight || !isThere) throw new Trap("a task has answered with a result that is not the one of its function");
    task.return(flat);
  };
}

// --- to the host --------------------------------------------------------------------------------

/**
 * A function of the host's, for a component. Where it gives a promise with a `cancel`, that is called when the component gives the call up.
 * @param {() => Function} target what is called, found when it is called first
 * @param {boolean} waits whether the component can wait for it
 */
export function lowered(store, target, func, side, waits) {
  let call = null;
  const run = side.isAsync ? calledAsync : called;
  return (...flat) => {
    store.checkAlive();
    return run(store, (call ??= target()), func, side, flat, waits);
  };
}

function called(store, call, func, side, flat, waits) {
  if (func.isAsync) store.mayWait();
  const values = func.liftArguments(side, flat, PARAMETERS);
  const give = (act) => {
    const value = func.outcome(act);
    if (func.taken.flat.length > RESULTS) return func.storeResult(side, value, flat[flat.length - 1]);
    if (func.result === undefined) return undefined;
    const into = [];
    func.result.lower(side, value, into);
    return into[0];
  };
  let result;
  try {
    result = call(...values);
  } catch (error) {
    return give(rethrow(error));
  }
  if (!func.isLater(result)) return give(() => result);
  if (!waits) throw new Trap("the host answers later than a component that cannot wait expects it");
  const [task, giveBack] = [store.current, lend(store)];
  const finish = (act) =>
    store.within(task, () => {
      giveBack();
      return give(act);
    });
  return result.then((value) => finish(() => value), (error) => finish(rethrow(error)));
}

function calledAsync(store, call, func, side, flat) {
  const values = func.liftArguments(side, flat, PARAMETERS_ASYNC);
  const give = (act) => func.storeResult(side, func.outcome(act), flat[flat.length - 1]);
  let result;
  try {
    result = call(...values);
  } catch (error) {
    give(rethrow(error));
    return RETURNED;
  }
  if (!func.isLater(result)) {
    give(() => result);
    return RETURNED;
  }
  const [task, giveBack] = [store.current, lend(store)];
  const subtask = new Subtask();
  subtask.state = STARTED;
  subtask.cancel = () => {
    // What the host does not end goes on, and nobody learns what became of it.
    result.cancel?.();
    subtask.cancelled();
  };
  const finish = (act) =>
    store.guard(() => {
      giveBack();
      if (subtask.isResolved) return;
      store.within(task, () => give(act));
      subtask.become(RETURNED);
    });
  result.then((value) => finish(() => value), (error) => finish(rethrow(error)));
  return subtask.begun(side.instance.handles);
}

/** Lends what the arguments of a call have borrowed, until it ends; gives what takes it back. */
function lend(store) {
  const lent = store.lent.slice();
  for (const handle of lent) handle.lent++;
  return () => {
    for (const handle of lent) handle.lent--;
  };
}

// --- from one component to another --------------------------------------------------------------

/** What the parameter of an adapter says of a call that does not wait. Source: wasmtime-environ 48, `PREPARE_ASYNC_NO_RESULT` and `_WITH_RESULT`. */
const ASYNC_WITHOUT_RESULT = -1;
const ASYNC_WITH_RESULT = -2;
/** Source: wasmtime-environ 48, `START_FLAG_ASYNC_CALLEE`. */
const CALLEE_IS_ASYNC = 1;
/** By the number that an adapter is given. Source: wasmtime-environ 48, `StringEncoding`. */
const ENCODINGS = ["utf8", "utf16", "latin1+utf16"];

/**
 * `prepare-call` of an adapter: a task for a call whose arguments are handed over by `start`, when the callee lets it in, and its
 * result by `give`.
 */
export const prepareCall = (memory) => (store) => (start, give, callerInstance, calleeInstance, resultsId, isAsync, encoding, results, ...flat) => {
  store.checkAlive();
  const caller = store.current;
  const task = new Task(store, store.instances[calleeInstance], isAsync !== 0);
  const isWaiting = results !== ASYNC_WITHOUT_RESULT && results !== ASYNC_WITH_RESULT;
  const hasPointer = isWaiting ? results > RESULTS : results === ASYNC_WITH_RESULT;
  const pointer = flat[flat.length - 1];
  const given = !isWaiting && hasPointer ? flat.slice(0, -1) : flat;
  const subtask = new Subtask();
  const call = { task, subtask, caller: store.instances[callerInstance], result: undefined };
  call.take = () => {
    const values = store.within(task, () => start(...given));
    subtask.become(STARTED);
    return Array.isArray(values) ? values : one(values);
  };
  task.answers = { resultsId, encoding: ENCODINGS[encoding], memory: memory === null ? null : store.memories[memory] };
  task.onReturn = (flat) => {
    call.result = store.within(caller, () => give(...flat, ...(hasPointer ? [pointer] : [])));
    subtask.become(RETURNED);
  };
  task.onCancel = () => subtask.cancelled();
  subtask.cancel = () => {
    if (subtask.state !== STARTING) return task.cancel();
    task.revoke();
    subtask.cancelled();
  };
  store.prepared = call;
};

/** Begins the call that was prepared. */
function begin(store, code, callback, postReturn, isAsync) {
  const call = store.prepared;
  store.prepared = null;
  const { task } = call;
  const [entry, entered] = [store.entry(code), callback === null ? null : store.entry(store.callbacks[callback])];
  const then = isAsync ? (packed) => task.next(entered, packed) : (result) => returned(task, postReturn === null ? null : store.postReturns[postReturn], result);
  task.start(() => ({ code: entry, given: call.take(), then }));
  // Where the callee has trapped, its caller does not go on.
  store.checkAlive();
  return call;
}

/** `async-start-call` of an adapter: the caller does not wait. */
export const asyncStartCall = (callback, postReturn) => (store) => (code, _parameters, _results, flags) => {
  const { subtask, caller } = begin(store, code, callback, postReturn, (flags & CALLEE_IS_ASYNC) !== 0);
  return subtask.begun(caller.handles);
};

/** `sync-start-call` of an adapter: the caller waits for the result. */
export const syncStartCall = (callback) => (store) => (code) => {
  const { isAsync } = store.prepared.task;
  if (isAsync) store.mayWait();
  const call = begin(store, code, callback, null, true);
  return call.subtask.isResolved ? call.result : call.subtask.resolved().then(() => call.result);
};
