// One instance of a component, with all the component instances within it.

import { Handles } from "./handles.js";
import { Memory, Side } from "./side.js";
import { trapIf } from "./trap.js";

/** After so many turns of microtasks in a row timers and I/O have theirs. */
const TURNS = 64;

/** A component instance: what it holds, and who runs in it. */
export class ComponentInstance {
  handles = new Handles();
  /** The task whose code runs or is put aside. */
  running = null;
  backpressure = 0;
  #mayLeave = null;
  #starting = [];
  #resuming = [];
  #isDraining = false;

  constructor(store, index) {
    this.store = store;
    this.index = index;
  }
  /** A global that adapters clear where a component may call nobody. */
  get mayLeave() {
    return (this.#mayLeave ??= new WebAssembly.Global({ value: "i32", mutable: true }, 1));
  }
  /** Starts a task, now or when the instance lets it. */
  admit(start) {
    if (this.running === null && this.backpressure === 0 && this.#starting.length === 0) this.store.guard(start);
    else this.#starting.push(start);
  }
  /** Goes on with a task. */
  resume(run) {
    if (this.running === null) this.store.guard(run);
    else this.#resuming.push(run);
  }
  drain() {
    if (this.#isDraining) return;
    this.#isDraining = true;
    while (this.running === null && !this.store.isDead) {
      const next = this.#resuming.shift() ?? (this.backpressure === 0 ? this.#starting.shift() : undefined);
      if (next === undefined) break;
      this.store.guard(next);
    }
    this.#isDraining = false;
  }
  press(by) {
    this.backpressure += by;
    trapIf(this.backpressure < 0, "backpressure is taken back that was not there");
    if (this.backpressure === 0) this.store.later(() => this.drain());
  }
}

export class Store {
  /** The task whose code runs. */
  current = null;
  /** Tasks that have not ended. */
  live = 0;
  /** Set once something has failed: then nothing is run any more. */
  isDead = false;
  memories = [];
  reallocs = [];
  callbacks = [];
  postReturns = [];
  destructors = [];
  cores = [];
  #host;
  #interfaces = new Map();
  #sides = [];
  #trampolines = [];
  #turns = 0;
  #whenIdle = [];
  #resumed = [];
  #isPumping = false;
  #mayBlock = null;
  #promising = new Map();

  /**
   * @param {import("./program.js").Program} program
   * @param {object} host what the component imports, by interface
   * @param {(error: unknown) => void} failed told of what ends the instance
   */
  constructor(program, host, failed) {
    this.program = program;
    this.#host = host;
    this.failed = failed;
    this.instances = Array.from({ length: program.instanceCount }, (_, index) => new ComponentInstance(this, index));
  }

  /** What the host gives for an interface. */
  interface(key) {
    let found = this.#interfaces.get(key);
    if (found === undefined) this.#interfaces.set(key, (found = this.#host[key]));
    return found;
  }
  side(index) {
    return (this.#sides[index] ??= new Side(this, this.program.options[index]));
  }
  trampoline(index) {
    return (this.#trampolines[index] ??= this.program.trampolines[index](this));
  }
  /** A global by which adapters know whether the task may wait. */
  get mayBlock() {
    return (this.#mayBlock ??= new WebAssembly.Global({ value: "i32", mutable: true }, 0));
  }
  memory(index, memory) {
    this.memories[index] = new Memory(memory);
  }

  /** Code of a component, so that it can be put aside where it waits. */
  entry(code) {
    if (!this.program.suspends) return code;
    let entry = this.#promising.get(code);
    if (entry === undefined) this.#promising.set(code, (entry = WebAssembly.promising(code)));
    return entry;
  }

  /** Does something as a task. */
  within(task, act) {
    const outer = this.current;
    const mayBlock = this.#mayBlock?.value;
    this.#become(task);
    try {
      return act();
    } finally {
      this.current = outer;
      if (mayBlock !== undefined) this.#mayBlock.value = mayBlock;
    }
  }
  #become(task) {
    this.current = task;
    if (this.#mayBlock !== null) this.#mayBlock.value = task?.mayBlock ? 1 : 0;
  }

  /** Does something whose failure ends the instance. */
  guard(act) {
    if (this.isDead) return;
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }
  fail(error) {
    if (this.isDead) return;
    this.isDead = true;
    this.failed(error);
    this.#settle();
  }
  stop() {
    this.isDead = true;
    this.#settle();
  }

  /** Does something after all that runs now. */
  later(act) {
    const run = () => this.guard(act);
    if (++this.#turns < TURNS) {
      queueMicrotask(run);
    } else {
      this.#turns = 0;
      setTimeout(run, 0);
    }
  }

  /**
   * An import that makes the component wait: its stack is put aside until a promise is settled. As stacks are taken up again one
   * after the other, each of them finds its task as the current one.
   */
  suspending(run) {
    return new WebAssembly.Suspending((...given) => {
      const result = run(...given);
      return result instanceof Promise ? this.#resumed_(result) : result;
    });
  }
  #resumed_(promise) {
    const task = this.current;
    const mayBlock = this.#mayBlock?.value;
    return new Promise((resolve, reject) => {
      const go = (settle) => (value) => {
        this.#resumed.push(() => {
          this.#become(task);
          if (mayBlock !== undefined) this.#mayBlock.value = mayBlock;
          settle(value);
        });
        this.#pump();
      };
      promise.then(go(resolve), go(reject));
    });
  }
  #pump() {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const step = () => {
      const next = this.#resumed.shift();
      if (next === undefined || this.isDead) {
        this.#isPumping = false;
        return;
      }
      next();
      queueMicrotask(step);
    };
    step();
  }

  exited() {
    this.live--;
    if (this.live === 0) this.#settle();
  }
  /** Resolves when no task is under way. */
  idle() {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#settle();
    });
  }
  #settle() {
    if (this.live > 0 && !this.isDead) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
