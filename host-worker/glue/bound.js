// Bounds that a guest or a client runs into.

import { within } from "./time.js";

/** Something ran into a bound: `failure` names it, as the contract does. */
export class Bound extends Error {
  constructor(failure) {
    super(failure);
    this.failure = failure;
  }
}

/** Waits, but no longer than so many milliseconds. Throws a {@link Bound} of `wall-time` then. */
export const bounded = (ms, promise) =>
  within(ms, promise, () => {
    throw new Bound("wall-time");
  });
