// What a task waits for, and sets of it (Canonical ABI, "Waitable State").

import { Trap } from "./trap.js";

export const NONE = [0, 0, 0];
export const CANCELLED = [6, 0, 0];

/** Something of which a component is told by events. */
export class Waitable {
  /** The index in the table of its instance. */
  index = 0;
  set = null;
  #event = null;
  #whenReady = null;

  get isReady() {
    return this.#event !== null;
  }
  /** @param {() => [number, number, number]} event what it is, asked when it is told */
  tell(event) {
    this.#event = event;
    this.#whenReady?.();
    this.#whenReady = null;
    this.set?.wake();
  }
  /** The event, which is told once. */
  take() {
    const event = this.#event;
    this.#event = null;
    return event();
  }
  /** Resolves once there is an event: for who waits for this alone. */
  ready() {
    if (this.set !== null) throw new Trap("what is waited for by itself may be in no set");
    return new Promise((resolve) => (this.isReady ? resolve() : (this.#whenReady = resolve)));
  }
  join(set) {
    this.set?.members.delete(this);
    this.set = set;
    if (set === null) return;
    set.members.add(this);
    if (this.isReady) set.wake();
  }
}

export class WaitableSet {
  members = new Set();
  /** Who waits: each is told once, and looks again. */
  waiting = new Set();

  wake() {
    const [first] = this.waiting;
    if (first === undefined) return;
    this.waiting.delete(first);
    first();
  }
  /** An event of one of its members, or `null`. */
  poll() {
    for (const member of this.members) {
      if (!member.isReady) continue;
      // The next one is asked first next time.
      this.members.delete(member);
      this.members.add(member);
      return member.take();
    }
    return null;
  }
  drop() {
    if (this.members.size > 0 || this.waiting.size > 0) throw new Trap("a set that is used cannot be dropped");
  }
}

/** States of a subtask. Source: Canonical ABI, `Subtask.State`. */
export const STARTING = 0;
export const STARTED = 1;
export const RETURNED = 2;
const CANCELLED_BEFORE_STARTED = 3;
const CANCELLED_BEFORE_RETURNED = 4;

/** A call that a component has begun without waiting for it. */
export class Subtask extends Waitable {
  state = STARTING;
  #isTold = false;

  get isResolved() {
    return this.state >= RETURNED;
  }
  /** A step further; whoever holds a handle is told. */
  become(state) {
    if (this.isResolved) return;
    this.state = state;
    if (this.index === 0) return;
    this.tell(() => {
      this.#isTold = this.isResolved;
      return [1, this.index, this.state];
    });
  }
  /** What the call gives to who has made it: its state, and where it goes on a handle. */
  begun(handles) {
    if (this.isResolved) return this.state;
    this.index = handles.add(this);
    return this.state | (this.index << 4);
  }
  cancelled() {
    this.become(this.state === STARTING ? CANCELLED_BEFORE_STARTED : CANCELLED_BEFORE_RETURNED);
  }
  drop() {
    if (!this.#isTold) throw new Trap("a subtask that has not ended cannot be dropped");
    this.join(null);
  }
  /** Asks the call to end; overridden where that can be asked. */
  cancel() {
    this.cancelled();
  }
}
