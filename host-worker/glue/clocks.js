// `wasi:clocks`. The platform's time stands still while a guest computes, and goes on when it waits.

import { Pollable } from "./io.js";
import { TIMER_MS_MAX } from "./time.js";

const NANOSECONDS = 1_000_000n;
const start = Date.now();

const nowMs = () => Date.now();
const monotonic = () => BigInt(nowMs() - start) * NANOSECONDS + 1n;
/** A timer of the platform; it ends with the instance. */
function wait(instance, nanoseconds) {
  // A longer wait than a timer can have outlives every Worker.
  const ms = Math.min(Number((nanoseconds + NANOSECONDS - 1n) / NANOSECONDS), TIMER_MS_MAX);
  let timer;
  const over = new Promise((resolve) => {
    timer = setTimeout(() => {
      if (instance.ended === null) resolve();
    }, ms);
  });
  return Object.assign(over, { cancel: () => clearTimeout(timer) });
}

/** `wasi:clocks/monotonic-clock@0.3`. */
export const monotonicClock = (instance) => ({
  now: monotonic,
  getResolution: () => NANOSECONDS,
  waitFor: (duration) => wait(instance, duration),
  waitUntil: (when) => {
    const left = when - monotonic();
    return left > 0n ? wait(instance, left) : Promise.resolve();
  },
});

const systemNow = () => {
  const ms = nowMs();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanoseconds: (ms % 1000) * 1_000_000 };
};
/** `wasi:clocks/system-clock@0.3`, and `wall-clock@0.2`. */
export const systemClock = () => ({ now: systemNow, getResolution: () => NANOSECONDS });
export const wallClock = () => ({ now: systemNow, resolution: () => ({ seconds: 0n, nanoseconds: 1_000_000 }) });

/** `wasi:clocks/monotonic-clock@0.2`. */
export const monotonicClock02 = (instance) => ({
  now: monotonic,
  resolution: () => NANOSECONDS,
  subscribeDuration: (duration) => Pollable.after(wait(instance, duration)),
  subscribeInstant: (when) => {
    const left = when - monotonic();
    return Pollable.after(left > 0n ? wait(instance, left) : Promise.resolve());
  },
});
