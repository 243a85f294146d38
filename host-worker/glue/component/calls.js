// Calls from the host into a component, from a component to the host, and from one component to another.

import { Flat, sequence } from "./types.js";
import { Task } from "./tasks.js";
import { Trap } from "./trap.js";
import { RETURNED, STARTED, Subtask } from "./waitables.js";

/** How many core values a call has at most; what is more lies in memory. Source: Canonical ABI, `MAX_FLAT_PARAMS` and `MAX_FLAT_ASYNC_PARAMS`. */
const PARAMETERS = 16;
const PARAMETERS_ASYNC = 4;
const RESULTS = 1;

/** An error of WIT: what a function with a `result` gives as its `err`. */
const isPayload = (error) => error !== null && typeof error === "object" && Object.hasOwn(error, "payload");

/** The values of a function type, as they cross. */
export class Func {
  constructor(types, [parameters, results, isAsync]) {
    this.parameters = parameters.map((ref) => types.get(ref));
    this.results = results.map((ref) => types.get(ref));
    this.isAsync = isAsync;
    this.given = sequence(this.parameters);
    this.taken = sequence(this.results);
    this.result = this.results[0];
    this.hasError = this.result?.kind === "result";
    /** A future is a promise, and not to be waited for. */
    this.givesFuture = this.result?.kind === "future";
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

// --- from the host ------------------------------------------------------------------------------

/** A function that a component exports, for the host: gives a promise. */
export function lifted(store, core, func, side) {
  const code = store.entry(core);
  const callback = side.callback === null ? null : store.entry(side.callback);
  return (...values) =>
    new Promise((resolve, reject) => {
      const answer = (value) => {
        if (!func.hasError) resolve(value);
        else if (value.tag === "ok") resolve(value.val);
        else reject({ payload: value.val });
      };
      const task = new Task(store, side.instance, func.isAsync);
      task.onReturn = ({ flat, func, side }) => answer(func.liftResult(side, flat, PARAMETERS));
      task.onCancel = () => reject(new Trap("a call was cancelled"));
      const then = side.isAsync ? (packed) => proceed(task, callback, packed) : (result) => answerNow(task, func, side, result, answer);
      task.start(() => ({ code, given: store.within(task, () => func.lowerArguments(side, values)), then }));
    });
}

/** After the code of an asynchronous function. */
function proceed(task, callback, packed) {
  if (callback === null) task.exit();
  else task.next(callback, packed);
}

/** After the code of a synchronous function. */
function answerNow(task, func, side, result, answer) {
  task.isReturned = true;
  const flat = result === undefined ? [] : [result];
  const value = task.store.within(task, () => func.liftResult(side, flat, RESULTS));
  if (side.postReturn !== null) task.store.within(task, () => side.postReturn(...flat));
  answer(value);
  task.exit();
}

// --- to the host --------------------------------------------------------------------------------

/**
 * A function of the host's, for a component.
 * @param {() => Function} target what is called, found when it is called first
 */
export function lowered(store, target, func, side) {
  let call = null;
  const run = side.isAsync ? calledAsync : called;
  return (...flat) => run(store, (call ??= target()), func, side, flat);
}

function called(store, call, func, side, flat) {
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
    return give(() => {
      throw error;
    });
  }
  if (!(result instanceof Promise) || func.givesFuture) return give(() => result);
  if (!store.program.suspends) throw new Trap("the host answers later than a component that cannot wait expects it");
  const task = store.current;
  return result.then(
    (value) => store.within(task, () => give(() => value)),
    (error) => store.within(task, () => give(() => { throw error; })),
  );
}

function calledAsync(store, call, func, side, flat) {
  const values = func.liftArguments(side, flat, PARAMETERS_ASYNC);
  const give = (act) => func.storeResult(side, func.outcome(act), flat[flat.length - 1]);
  let result;
  try {
    result = call(...values);
  } catch (error) {
    give(() => {
      throw error;
    });
    return RETURNED;
  }
  if (!(result instanceof Promise) || func.givesFuture) {
    give(() => result);
    return RETURNED;
  }
  const task = store.current;
  const subtask = new Subtask();
  subtask.state = STARTED;
  const finish = (act) =>
    store.guard(() => {
      if (subtask.isResolved) return;
      store.within(task, () => give(act));
      subtask.become(RETURNED);
    });
  result.then((value) => finish(() => value), (error) => finish(() => { throw error; }));
  return subtask.begun(side.instance.handles);
}

// --- from one component to another --------------------------------------------------------------

/** What the parameter of an adapter says of a call that does not wait. Source: wasmtime-environ 48, `PREPARE_ASYNC_NO_RESULT` and `_WITH_RESULT`. */
const ASYNC_WITHOUT_RESULT = -1;
const ASYNC_WITH_RESULT = -2;
/** Source: wasmtime-environ 48, `START_FLAG_ASYNC_CALLEE`. */
const CALLEE_IS_ASYNC = 1;

/**
 * `prepare-call` of an adapter: a task for a call whose arguments are handed over by `start`, when the callee lets it in, and its
 * result by `give`.
 */
export function prepareCall(store) {
  return (start, give, callerInstance, calleeInstance, _type, isAsync, _encoding, results, ...flat) => {
    const caller = store.current;
    const task = new Task(store, store.instances[calleeInstance], isAsync !== 0);
    const isWaiting = results !== ASYNC_WITHOUT_RESULT && results !== ASYNC_WITH_RESULT;
    const hasPointer = isWaiting ? results > RESULTS : results === ASYNC_WITH_RESULT;
    const pointer = flat[flat.length - 1];
    const given = !isWaiting && hasPointer ? flat.slice(0, -1) : flat;
    const subtask = new Subtask();
    const call = { task, subtask, caller: store.instances[callerInstance], result: undefined, given: null };
    call.take = () => {
      const values = store.within(task, () => start(...given));
      subtask.become(STARTED);
      return values === undefined ? [] : Array.isArray(values) ? values : [values];
    };
    task.onReturn = ({ flat }) => {
      call.result = store.within(caller, () => give(...flat, ...(hasPointer ? [pointer] : [])));
      subtask.become(RETURNED);
    };
    task.onCancel = () => subtask.cancelled();
    subtask.cancel = () => {
      if (subtask.state === STARTED) return task.cancel();
      task.isReturned = true;
      subtask.cancelled();
    };
    store.prepared = call;
  };
}

/** Begins the call that was prepared. */
function begin(store, code, callback, postReturn, isAsync) {
  const call = store.prepared;
  store.prepared = null;
  const { task } = call;
  const entry = store.entry(code);
  const entered = callback === null ? null : store.entry(callback);
  const then = isAsync
    ? (packed) => proceed(task, entered, packed)
    : (result) => {
        const flat = result === undefined ? [] : [result];
        task.return({ flat });
        if (postReturn !== null) store.within(task, () => postReturn(...flat));
        task.exit();
      };
  task.start(() => ({ code: entry, given: call.take(), then }));
  return call;
}

/** `async-start-call` of an adapter: the caller does not wait. */
export const asyncStartCall = (callbackIndex, postReturnIndex) => (store) => (code, _parameters, _results, flags) => {
  const callback = callbackIndex === null ? null : store.callbacks[callbackIndex];
  const postReturn = postReturnIndex === null ? null : store.postReturns[postReturnIndex];
  const { subtask, caller } = begin(store, code, callback, postReturn, (flags & CALLEE_IS_ASYNC) !== 0);
  return subtask.begun(caller.handles);
};

/** `sync-start-call` of an adapter: the caller waits for the result. */
export const syncStartCall = (callbackIndex) => (store) =>
  store.suspending((code) => {
    const callback = callbackIndex === null ? null : store.callbacks[callbackIndex];
    const call = begin(store, code, callback, null, true);
    const { subtask } = call;
    if (subtask.isResolved) return call.result;
    // It is told by no handle, so it is asked by this one alone.
    return new Promise((resolve) => (subtask.become = waitFor(subtask, () => resolve(call.result))));
  });

function waitFor(subtask, resolved) {
  return (state) => {
    subtask.state = state;
    if (subtask.isResolved) resolved();
  };
}
