// Step 3 of a request's way, run: instances of components.
//
// A service gets an instance for each request: what an instance waits for belongs to the request that made it. An
// object's instance lives as long as the object is live (object.js).

import { imports } from "./capability.js";

/** The guest has ended without an answer: it trapped, or was ended. */
export class Trapped extends Error {
  constructor(cause, failure) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause), { cause });
    this.failure = failure;
  }
}

/** One instance of a composition. */
export class Instance {
  /** Set once the instance has trapped or was ended; then nothing that it asks for is done any more. */
  ended = null;
  #whenEnded = new Set();
  #store = null;
  /** The memories of its core modules, and of each the global that tells whether one was refused to grow (bundle/memory.mjs). */
  #memories = [];
  #refusals = [];

  /**
   * @param {object} composition what the app says of it: `index`, `program`, limits
   * @param {object} env the bindings of the Worker
   * @param {object} scope what it works for: `request`, `object`, …
   */
  constructor(composition, env, scope) {
    this.composition = composition;
    this.env = env;
    this.scope = scope;
    try {
      const { store, exports } = composition.program.instantiate({
        host: imports(this),
        failed: (error) => this.fail(error),
        instantiateCore: (core, given) => this.#instantiateCore(core, given),
      });
      this.#store = store;
      this.exports = exports;
    } catch (error) {
      throw new Trapped(error, "start-failed");
    }
  }

  #instantiateCore(core, given) {
    const instance = new WebAssembly.Instance(core, given);
    const { exports } = instance;
    for (let index = 0, memory; (memory = exports[`selvedge:memory-${index}`]) !== undefined; index++) this.#memories.push(memory);
    const refused = exports["selvedge:growth-refused"];
    if (refused !== undefined) this.#refusals.push(refused);
    return instance;
  }

  /** Resolves when nothing that the guest has begun is under way any more. */
  idle() {
    return this.#store.idle();
  }

  /**
   * Has something done when the instance ends; gives what takes that back. A promise of the end would
   * keep all who have ever waited for it, and an object's instance may live for days.
   * @param {(reason: Trapped) => void} act
   */
  whenEnded(act) {
    if (this.ended !== null) act(this.ended);
    else this.#whenEnded.add(act);
    return () => this.#whenEnded.delete(act);
  }

  /** What a promise gives, or the reason thrown, where the instance ends before. What it has given until then is on its way, and comes first. */
  orEnd(promise) {
    return new Promise((resolve, reject) => {
      const forget = this.whenEnded((reason) => setTimeout(() => reject(reason), 0));
      const settled = (settle) => (value) => {
        forget();
        settle(value);
      };
      promise.then(settled(resolve), settled(reject));
    });
  }

  /** Runs a call of the guest; what it throws is the guest's own error (`{ payload }`), or {@link Trapped}. */
  async call(run) {
    if (this.ended !== null) throw this.ended;
    try {
      return await this.orEnd(run());
    } catch (error) {
      // What the guest gives as its error is none of JavaScript.
      if (!(error instanceof Error)) throw error;
      throw this.fail(error);
    }
  }

  /** Ends the instance for what it did, or for what a bound says. */
  fail(error) {
    if (this.ended === null) {
      this.ended = error instanceof Trapped ? error : new Trapped(error, this.#wasRefusedMemory() ? "memory" : "trap");
      this.#store?.stop();
      for (const act of this.#whenEnded) act(this.ended);
      this.#whenEnded.clear();
      this.scope.trapped?.(this.ended);
    }
    return this.ended;
  }

  /** For imports: throws where the guest may not act any more. */
  alive() {
    // Each memory of a composed component is held to the bound, and here what they have together.
    if (this.ended === null && this.#memories.length > 1) this.#boundMemories();
    if (this.ended !== null) throw this.ended;
  }

  #boundMemories() {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory.buffer.byteLength;
    if (bytes > this.composition.limits["memory-bytes"]) this.fail(new Trapped("its memories are over the bound together", "memory"));
  }

  /** Says whether a memory was not allowed to grow: where the guest traps then, this is why. */
  #wasRefusedMemory() {
    return this.#refusals.some((refused) => refused.value === 1);
  }
}
