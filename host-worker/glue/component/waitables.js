// What a task waits for, and sets of it (Canonical ABI, "Waitable State").

import { Trap } from "./trap.js";

export const NONE = [0, 0, 0];
export const CANCELLED = [6, 0, 0];

/** Something of which a component is told by events. */
export class Waitable {
  /** The index in the table of its instance; 0 as long as it has none. */
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
  /** Who waits for this alone must be the only one. */
  alone() {
    if (this.set !== null) throw new Trap("what is waited for by itself may be in no set");
    return this;
  }
  /** Resolves once there is an event. */
  ready() {
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
  /** How many wait, and who of them has not been woken. */
  #users = 0;
  #waiting = new Set();

  get isReady() {
    for (const member of this.members) if (member.isReady) return true;
    return false;
  }
  /** Wakes one of those who wait. */
  wake() {
    const [first] = this.#waiting;
    first?.();
  }
  /**
   * Has `woken` called once, as soon as there may be an event; gives what does that now.
   * @param {() => void} woken
   */
  wait(woken) {
    this.#users++;
    const wake = () => {
      if (this.#waiting.delete(wake)) woken();
    };
    this.#waiting.add(wake);
    if (this.isReady) wake();
    return wake;
  }
  /** Who was woken has looked. What it has left is for another. */
  looked() {
    this.#users--;
    if (this.isReady) this.wake();
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
    if (this.members.size > 0 || this.#users > 0) throw new Trap("a set that is used cannot be dropped");
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
  /** A step further, of which is told who holds a handle, or waits for it. */
  become(state) {
    if (this.isResolved) return;
    this.state = state;
    this.tell(() => {
      this.#isTold = this.isResolved;
      return [1, this.index, this.state];
    });
  }
  /** What the call gives to who has made it: its state, and where it goes on a handle. */
  begun(handles) {
    if (this.isReady) this.take();
    if (this.isResolved) return this.state;
    this.index = handles.add(this);
    return this.state | (this.index << 4);
  }
  cancelled() {
    this.become(this.state === STARTING ? CANCELLED_BEFORE_STARTED : CANCELLED_BEFORE_RETURNED);
  }
  /** Resolves with its last state. */
  async resolved() {
    while (!this.isResolved) {
      await this.ready();
      if (!this.isResolved) this.take();
    }
    return this.take()[2];
  }
  drop() {
    if (!this.#isTold) throw new Trap("a subtask that has not ended cannot be dropped");
    this.join(null);
  }
  /** `subtask.cancel`: gives its last state, or a promise of it. */
  end() {
    if (this.#isTold) throw new Trap("a subtask that has ended cannot be cancelled");
    if (!this.isResolved) this.cancel();
    return this.isResolved ? this.take()[2] : this.resolved();
  }
  /** Asks the call to end: set by who has made the subtask. */
  cancel;
}
