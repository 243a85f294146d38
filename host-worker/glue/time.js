// Bounded waiting.

/** The longest that a timer can take, in milliseconds (HTML, "timer initialization steps": a signed 32-bit number). */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** Waits for `promise`, but no longer than so many milliseconds; then gives what `late` gives, or throws what it throws. */
export async function within(ms, promise, late) {
  let timer;
  const timeout = new Promise((resolve, reject) => {
    const end = () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    };
    timer = setTimeout(end, Math.min(ms, TIMER_MS_MAX));
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
