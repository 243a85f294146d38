// Step 3 for objects: one instance in a durable object of the platform, for as long as the object is live.
//
// The platform makes sure that there is one object a name, that what a turn wrote is committed together, and that
// no reply leaves before that is on disk. Here are the instance, its calls and its end: where the guest traps, the
// platform's object is aborted, so that what the turn wrote is gone and every caller learns why.

import { DurableObject } from "cloudflare:workers";
import { Alarm } from "./alarm.js";
import { incoming } from "./bytes.js";
import { compositions } from "./compositions.js";
import { Instance, Trapped } from "./guest.js";
import { logEnd, objectAdmits } from "./host.js";
import { Request, toPlatform } from "./http.js";
import { TIMER_MS_MAX, within } from "./time.js";

const LIFECYCLE = "selvedge:durable/lifecycle@0.1.0";
/** How long after a call's time the instance that it goes on in is ended, in milliseconds. */
const GIVE_UP_MS = 100;
const TIMED_OUT = { platform: { tag: "timeout" } };

/** The class of the platform for the class of objects at this index. */
export function objectClass(index) {
  return class extends DurableObject {
    #life;
    constructor(context, env) {
      super(context, env);
      this.#life = new Life(compositions[index], context, env);
    }
    /** A typed call: gives `{ ok }`, `{ err }` as the object answers it, or `{ platform }`, a failure of ours. */
    call(name, method, args) {
      return this.#life.call(name, (live) => live.invoke(method, args));
    }
    /** A request through the untyped door: gives `{ ok: response }` or `{ platform }`. */
    door(name, request) {
      return this.#life.call(name, (live) => live.answer(request));
    }
    alarm() {
      return this.#life.alarm();
    }
  };
}

/** What stands behind one object: its instance, and the calls that wait for it. */
class Life {
  #composition;
  #context;
  #env;
  #alarm;
  #live = null;
  #calls = 0;
  #usedAt = 0;
  #turn = Promise.resolve();

  constructor(composition, context, env) {
    this.#composition = composition;
    this.#context = context;
    this.#env = env;
    this.#alarm = new Alarm(context.storage);
  }

  /** Runs a call in the instance, or tells why not. */
  async call(name, run) {
    const { index, limits, serial } = this.#composition;
    if (!objectAdmits(index, this.#calls)) return { platform: { tag: "overloaded" } };
    this.#calls++;
    const waiter = { isGone: false };
    const turn = this.#turn;
    const call = (async () => {
      try {
        if (serial) await turn.catch(() => {});
        return waiter.isGone ? TIMED_OUT : await this.#run(name, run, waiter);
      } finally {
        // It has its place until then, whether somebody waits for it or not.
        this.#calls--;
        this.#usedAt = Date.now();
      }
    })();
    if (serial) this.#turn = call;
    try {
      return await within(limits["wall-ms"], call, () => {
        waiter.isGone = true;
        return TIMED_OUT;
      });
    } catch (error) {
      return { platform: { tag: "reset", val: reason(error) } };
    }
  }

  /** Runs a call, unless nobody waits for it any more; where that comes to be while it runs, the instance is ended. */
  async #run(name, run, waiter) {
    const live = this.#take(name);
    let timer;
    try {
      // A moment later than whoever waits is told, so that the answer is on its way.
      const overdue = this.#composition.limits["wall-ms"] + GIVE_UP_MS;
      timer = setTimeout(() => waiter.isGone && live.giveUp(), Math.min(overdue, TIMER_MS_MAX));
      const started = await live.start();
      return waiter.isGone ? TIMED_OUT : await run(started);
    } finally {
      clearTimeout(timer);
      live.release();
    }
  }

  /** The instance, for a call that releases it; another one where there is none, or where the last was idle for too long. */
  #take(name) {
    const live = this.#live;
    if (live !== null && !live.ended) {
      const wasIdle = Date.now() - this.#usedAt > this.#composition.limits["idle-ms"];
      if (live.busy === 0 && this.#usedAt > 0 && wasIdle) live.end();
    }
    if (this.#live === null || this.#live.ended) {
      this.#live = new Live(this.#composition, this.#context, this.#env, this.#alarm, name);
    }
    return this.#live.hold();
  }

  /** The platform says that a time has come. */
  async alarm() {
    const due = this.#alarm.begin();
    if (due === null) return;
    // What was noted about this try is to be there after a trap.
    await this.#context.storage.sync();
    const outcome = await this.call(due.name, (live) => live.handleAlarm(due));
    const failed = "platform" in outcome || "err" in outcome;
    const givenUp = this.#alarm.finish(due, failed);
    if (givenUp) {
      const why = outcome.err ?? outcome.platform?.val ?? outcome.platform?.tag;
      logEnd(this.#composition.index, "alarm", "", due.name, `an alarm was given up: ${why}`, "ERROR");
    }
  }
}

/** An instance of an object. */
class Live {
  /** Calls and bodies that are under way. */
  busy = 0;
  #instance;
  #started = null;
  #subject;
  #context;
  /** What is done whenever nothing is under way any more, and where the instance ends. */
  #ends = [];

  constructor(composition, context, env, alarm, name) {
    this.composition = composition;
    this.#context = context;
    this.name = name;
    this.#instance = new Instance(composition, env, {
      request: "",
      object: name,
      storage: context.storage,
      alarm,
      atEnd: (act) => this.#ends.push(act),
      abort: (why) => this.#reset(why),
      trapped: (trapped) => this.#reset(trapped.message, trapped.failure),
    });
  }

  get ended() {
    return this.#instance.ended !== null;
  }

  /** Keeps the instance from being ended for its age, until it is released. */
  hold() {
    this.busy++;
    return this;
  }

  release() {
    this.busy--;
    if (this.busy > 0) return;
    for (const act of this.#ends) act();
  }

  /** Started: the resource is made, and the object was told. */
  start() {
    this.#started ??= (async () => {
      const { shape } = this.composition;
      const { exports } = this.#instance;
      this.#subject = await this.#instance.call(() => exports[shape.name][`[constructor]${shape.resource}`](this.name));
      try {
        await this.#instance.call(async () => exports[LIFECYCLE]?.start());
      } catch (error) {
        this.end();
        throw error;
      }
      return this;
    })();
    return this.#started;
  }

  async invoke(method, args) {
    const { shape } = this.composition;
    const { exports } = this.#instance;
    return await outcome(this.#instance.call(() => exports[shape.name][`[method]${shape.resource}.${method}`](this.#subject, ...args)));
  }

  async handleAlarm({ scheduledMs, retryCount }) {
    const handler = this.#instance.exports["selvedge:durable/alarm-handler@0.1.0"];
    return await outcome(this.#instance.call(() => handler.handle({ scheduledMs: BigInt(scheduledMs), retryCount })));
  }

  async answer(platform) {
    if (this.composition.ask === undefined) return { platform: { tag: "invalid", val: "the class answers no HTTP requests" } };
    const instance = this.#instance;
    const { body, end } = incoming(platform.body, { tag: "HTTP-protocol-error" });
    // The body may be on its way for long after this call has ended.
    this.hold();
    let isSent = false;
    const sent = () => {
      if (!isSent) this.release();
      isSent = true;
    };
    try {
      const response = await instance.call(() => this.composition.ask(instance, Request.received(platform, body, end)));
      return { ok: await toPlatform(response, { bytesMax: Infinity, chunk: (next) => instance.orEnd(next), done: sent, broken: sent }) };
    } catch (error) {
      sent();
      if (error?.payload === undefined) throw error;
      return { platform: { tag: "reset", val: JSON.stringify(error.payload) } };
    }
  }

  /** Ends the instance and keeps what it has stored. */
  end() {
    this.#instance.scope.trapped = undefined;
    this.#instance.fail(new Trapped("the object was idle"));
  }

  /** Ends the instance where a call goes on that nobody waits for any more, as the native host does. */
  giveUp() {
    this.#instance.fail(new Trapped("nobody waits for a call that goes on", "wall-time"));
  }

  /** What the turn wrote is gone, and whoever waits learns why. */
  #reset(why, failure) {
    for (const act of this.#ends) act();
    if (failure !== undefined) logEnd(this.composition.index, failure, "", this.name, why);
    this.#context.abort(why);
  }
}

/** What came of a call, as a value that crosses to the caller. */
async function outcome(call) {
  try {
    return { ok: await call };
  } catch (error) {
    if (error !== null && typeof error === "object" && Object.hasOwn(error, "payload")) return { err: error.payload };
    throw error;
  }
}

function reason(error) {
  if (error?.payload !== undefined) return String(error.payload);
  return String(error?.message ?? error);
}
