// Calls into a component and what they are doing: one task each (Canonical ABI, "Task State").
//
// A component instance runs the code of one task at a time. Where that code waits by way of JSPI, its stack is put aside
// and the instance stays taken; where it waits by giving its event loop back ("callback"), others may run.

import { Trap } from "./trap.js";
import { CANCELLED, NONE, WaitableSet } from "./waitables.js";

/** What the code of a callback gives: what to do next, in its lowest bits. Source: Canonical ABI, `CallbackCode`. */
const EXIT = 0;
const YIELD = 1;
const WAIT = 2;

export class Task {
  /** `context.get` and `context.set`. */
  context = [0, 0];
  /** Whether it has answered, or was cancelled. */
  isReturned = false;
  #isCancelled = false;
  /** Ends the wait of the callback, where that is what it does. */
  #interrupt = null;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./store.js").ComponentInstance} instance
   * @param {boolean} mayBlock whether it may wait: its function is asynchronous
   */
  constructor(store, instance, mayBlock) {
    this.store = store;
    this.instance = instance;
    this.mayBlock = mayBlock;
  }

  /**
   * Begins, as soon as the instance lets it.
   * @param {() => { code: Function, given: unknown[], then: (result: unknown) => void }} begin what to run: asked in the moment it is run
   */
  start(begin) {
    this.store.live++;
    this.instance.admit(() => {
      if (this.isReturned) return this.exit();
      const { code, given, then } = begin();
      this.run(code, given, then);
    });
  }

  /** Runs code of the component. */
  run(code, given, then) {
    const { store, instance } = this;
    instance.running = this;
    const result = store.within(this, () => code(...given));
    if (result instanceof Promise) result.then((value) => this.#ran(then, value), (error) => store.fail(error));
    else this.#ran(then, result);
  }
  #ran(then, value) {
    if (this.store.isDead) return;
    this.instance.running = null;
    this.store.guard(() => then(value));
    this.instance.drain();
  }

  /** What a callback, or the function before the first one, says to do next. */
  next(callback, packed) {
    const [code, index] = [packed & 0xf, packed >>> 4];
    if (code === EXIT) return this.exit();
    if (code === YIELD) return this.store.later(() => this.#callback(callback, this.#pendingCancel() ?? NONE));
    if (code !== WAIT) throw new Trap(`a callback gave the unknown code ${code}`);
    this.#wait(callback, this.instance.handles.get(index, WaitableSet));
  }
  #wait(callback, set) {
    const look = () => {
      if (this.store.isDead) return;
      this.#interrupt = null;
      const event = this.#pendingCancel() ?? set.poll();
      if (event === null) return this.#wait(callback, set);
      this.#callback(callback, event);
    };
    const wake = () => this.store.later(look);
    this.#interrupt = () => {
      set.waiting.delete(wake);
      wake();
    };
    if (this.#cancelPending || [...set.members].some((member) => member.isReady)) wake();
    else set.waiting.add(wake);
  }
  #callback(callback, event) {
    this.instance.resume(() => this.run(callback, event, (packed) => this.next(callback, packed)));
  }

  /** Asks it to end without an answer. */
  cancel() {
    this.#isCancelled = true;
    this.#cancelPending = true;
    this.#interrupt?.();
  }
  #cancelPending = false;
  #pendingCancel() {
    if (!this.#cancelPending || this.isReturned) return null;
    this.#cancelPending = false;
    return CANCELLED;
  }

  /** `task.return`: what is done with the answer is up to who has called. */
  return(flat) {
    if (this.isReturned) throw new Trap("a task has answered already");
    this.isReturned = true;
    this.onReturn(flat);
  }
  /** `task.cancel`. */
  confirmCancel() {
    if (!this.#isCancelled) throw new Trap("a task was not asked to end");
    if (this.isReturned) throw new Trap("a task has answered already");
    this.isReturned = true;
    this.onCancel();
  }
  onCancel() {}
  exit() {
    if (!this.isReturned) throw new Trap("a task has ended without an answer");
    this.store.exited();
  }
}
