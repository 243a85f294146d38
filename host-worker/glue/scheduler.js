// Lets a transpiled component wait without polling; one scheduler for each instance.
//
// The runtime that jco emits waits by asking "is it ready yet?" again and again. Here such a question is parked,
// and asked again in the next turn of the event loop after `wake`, which the runtime calls wherever readiness
// changes (bundle/edits.mjs). A turn is a macrotask: the runtime relies on all microtasks having run between two
// questions. `setTimeout(0)` is the cheapest of them in workerd (9 us; MessageChannel 11, `scheduler.wait` 18).

/**
 * @typedef {object} Scheduler
 * @property {() => void} wake asks all parked questions in the next turn
 * @property {(ask: () => void) => void} soon asks once, in the next turn
 * @property {(resume: () => void, ms: number) => void} pause resumes in the next turn, or, where `ms` is over 0, after the next `wake`
 * @property {(ask: () => void) => object} park asks in every turn until it is unparked
 * @property {(parked: object) => void} unpark
 * @property {(run: () => void, ms: number) => number} timeout a timer that counts as work under way
 * @property {() => Promise<void>} idle resolves when nothing waits and no timer runs any more
 * @property {() => void} stop asks nothing any more
 */

/** @returns {Scheduler} */
export function createScheduler() {
  const parked = new Set();
  let armed = false;
  let timers = 0;
  let stopped = false;
  let whenIdle = [];

  const timeout = (run, ms) => {
    timers++;
    return setTimeout(() => {
      timers--;
      if (!stopped) run();
      settle();
    }, ms);
  };
  const turn = () => {
    armed = false;
    for (const question of [...parked]) {
      if (!parked.has(question)) continue;
      if (question.once) parked.delete(question);
      question.ask();
    }
  };
  const wake = () => {
    if (armed || parked.size === 0 || stopped) return;
    armed = true;
    timeout(turn, 0);
  };
  const park = (ask, once) => {
    const question = { ask, once };
    parked.add(question);
    return question;
  };
  const isIdle = () => stopped || (parked.size === 0 && timers === 0);
  // What a timer began goes on in microtasks; whoever waits for the end looks again after those.
  const settle = () => {
    if (whenIdle.length === 0 || !isIdle()) return;
    setTimeout(() => {
      if (!isIdle()) return;
      const waiting = whenIdle;
      whenIdle = [];
      for (const resolve of waiting) resolve();
    }, 0);
  };

  return {
    wake,
    timeout,
    soon(ask) {
      park(ask, true);
      wake();
    },
    pause(resume, ms) {
      if (ms > 0) park(resume, true);
      else timeout(resume, 0);
    },
    park(ask) {
      const question = park(ask, false);
      wake();
      return question;
    },
    unpark(question) {
      parked.delete(question);
      settle();
    },
    idle: () =>
      new Promise((resolve) => {
        whenIdle.push(resolve);
        settle();
      }),
    stop() {
      stopped = true;
      parked.clear();
      settle();
    },
  };
}
