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
  /** Handles that are lent to it, and how many of its own are to what is lent. */
  lenders = [];
  borrows = 0;
  #isCancelled = false;
  #cancelPending = false;
  /** Ends the wait of the callback, where that is what it does. */
  #wake = null;
  #revoke = null;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./store.js").ComponentInstance} instance
   * @param {boolean} isAsync whether it may wait before it has answered: its function is asynchronous
   */
  constructor(store, instance, isAsync) {
    this.store = store;
    this.instance = instance;
    this.isAsync = isAsync;
  }

  /**
   * Begins, as soon as the instance lets it.
   * @param {() => { code: Function, given: unknown[], then: (result: unknown) => void }} begin what to run: asked in the moment it is run
   */
  start(begin) {
    this.store.live++;
    this.#revoke = this.instance.admit(() => {
      const { code, given, then } = begin();
      this.run(code, given, then);
    });
  }
  /** It was not let in yet, and need not be any more. */
  revoke() {
    this.isReturned = true;
    this.#revoke();
    this.store.exited();
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
    if (code === YIELD) return this.store.later(() => this.#callback(callback, this.#takeCancel() ?? NONE));
    if (code !== WAIT) throw new Trap(`a callback gave the unknown code ${code}`);
    this.mayWait();
    this.#wait(callback, this.instance.handles.get(index, WaitableSet));
  }
  #wait(callback, set) {
    const look = () => {
      this.#wake = null;
      const event = this.#takeCancel() ?? set.poll();
      set.looked();
      if (event === null) this.#wait(callback, set);
      else this.#callback(callback, event);
    };
    this.#wake = set.wait(() => this.store.later(look));
    if (this.#cancelPending) this.#wake();
  }
  #callback(callback, event) {
    this.instance.resume(() => this.run(callback, event, (packed) => this.next(callback, packed)));
  }

  /** A function that is not asynchronous has to answer before it waits. */
  mayWait() {
    if (!this.isAsync && !this.isReturned) throw new Trap("a task cannot wait before it has answered, since its function is not asynchronous");
  }

  /** Asks it to end without an answer. */
  cancel() {
    this.#isCancelled = true;
    this.#cancelPending = true;
    this.#wake?.();
  }
  #takeCancel() {
    const isPending = this.#cancelPending;
    this.#cancelPending = false;
    return isPending ? CANCELLED : null;
  }

  /** `task.return`, and the end of a synchronous function: what is done with the answer is up to who has called. */
  return(flat) {
    this.#answered();
    this.onReturn(flat);
  }
  /** `task.cancel`. */
  confirmCancel() {
    if (!this.#isCancelled) throw new Trap("a task was not asked to end");
    this.#answered();
    this.onCancel();
  }
  #answered() {
    if (this.isReturned) throw new Trap("a task has answered already");
    this.isReturned = true;
    this.#cancelPending = false;
    this.giveBack();
  }
  /** What was lent to it goes back. */
  giveBack() {
    if (this.borrows > 0) throw new Trap("a task has answered and kept what was lent to it");
    for (const handle of this.lenders) handle.lent--;
    this.lenders = [];
  }
  exit() {
    if (!this.isReturned) throw new Trap("a task has ended without an answer");
    this.store.exited();
  }
}
