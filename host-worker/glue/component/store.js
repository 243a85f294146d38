// One instance of a component, with all the component instances within it.

import { Handles } from "./handles.js";
import { Memory, Side } from "./side.js";
import { Task } from "./tasks.js";
import { Trap } from "./trap.js";

/** After so many turns of microtasks in a row timers and I/O have theirs. */
const TURNS = 64;
/** The most that a call may make the host hold of the component's values, in bytes. Source: wasmtime 48, `DEFAULT_HOSTCALL_FUEL`. */
const CALL_BYTES = 128 * 1024 * 1024;
/** Source: Canonical ABI, `MAX_BACKPRESSURE`. */
const PRESSURE = 2 ** 16;

/** A component instance: what it holds, and who runs in it. */
export class ComponentInstance {
  /** The task whose code runs or is put aside. */
  running = null;
  #backpressure = 0;
  /** Whether it may call somebody, as adapters know it, and as the host does. */
  #mayLeave = null;
  #isHeld = false;
  #starting = [];
  #resuming = [];
  #isDraining = false;

  constructor(store, index) {
    this.store = store;
    this.index = index;
    this.handles = new Handles(store);
  }
  get mayLeave() {
    return (this.#mayLeave ??= new WebAssembly.Global({ value: "i32", mutable: true }, 1));
  }
  /** A component that is asked for memory, or to clean up, may call nobody. */
  checkLeave() {
    if (this.#isHeld || this.#mayLeave?.value === 0) throw new Trap("a component calls somebody where it may not");
  }
  /** Runs code of the component that may call nobody, as a task of its own. */
  hold(code, ...given) {
    const outer = this.#isHeld;
    this.#isHeld = true;
    try {
      return this.store.within(new Task(this.store, this, false), () => code(...given));
    } finally {
      this.#isHeld = outer;
    }
  }

  /** Starts a task, now or when the instance lets it; gives what takes that back. */
  admit(start) {
    if (this.running === null && this.#backpressure === 0 && this.#starting.length === 0) this.store.guard(start);
    else this.#starting.push(start);
    return () => (this.#starting = this.#starting.filter((other) => other !== start));
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
      const next = this.#resuming.shift() ?? (this.#backpressure === 0 ? this.#starting.shift() : undefined);
      if (next === undefined) break;
      this.store.guard(next);
    }
    this.#isDraining = false;
  }
  press(by) {
    this.#backpressure += by;
    if (this.#backpressure < 0 || this.#backpressure >= PRESSURE) throw new Trap("backpressure is out of its bounds");
    if (this.#backpressure === 0) this.store.later(() => this.drain());
  }
}

export class Store {
  /** The task whose code runs. */
  current = null;
  /** Tasks that have not ended. */
  live = 0;
  /** Handles that are held. */
  handles = 0;
  /** Handles that the arguments of the last call to the host have lent. */
  lent = [];
  /** Set once something has failed: then nothing is run any more. */
  isDead = false;
  memories = [];
  reallocs = [];
  callbacks = [];
  postReturns = [];
  destructors = new Map();
  cores = [];
  #host;
  #interfaces = new Map();
  #sides = [];
  #trampolines = [];
  #turns = 0;
  #whenIdle = [];
  #resuming = [];
  #isPumping = false;
  #mayBlock = null;
  #promising = new Map();
  #bytesLeft = 0;

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
    return (this.#trampolines[index] ??= this.program.trampoline(index, this));
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
    this.#become(task, task?.isAsync ? 1 : 0);
    try {
      return act();
    } finally {
      this.#become(outer, mayBlock);
    }
  }
  #become(task, mayBlock) {
    this.current = task;
    if (this.#mayBlock !== null) this.#mayBlock.value = mayBlock ?? 0;
  }
  /** The task that is current is about to wait. */
  mayWait() {
    if (this.#mayBlock === null || this.#mayBlock.value === 0) this.current.mayWait();
  }

  /** A call begins that carries values of the component's to the host. */
  refuel() {
    this.#bytesLeft = CALL_BYTES;
    this.lent.length = 0;
  }
  /** So many bytes of them are held. */
  spend(bytes) {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) throw new Trap(`a call carries more than ${CALL_BYTES} bytes`);
  }

  /** Has a component destroy a resource of its own that another has dropped, or it has itself. */
  destroy(resource, rep, droppedBy) {
    const code = this.destructors.get(resource);
    if (code === undefined) return;
    if (resource.definedBy === droppedBy) code(rep);
    else this.within(new Task(this, this.instances[resource.definedBy], false), () => code(rep));
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
    this.stop();
    this.failed(error);
  }
  stop() {
    this.isDead = true;
    this.#settle();
  }
  /** Nobody goes on after a failure: not who has called what failed, either. */
  checkAlive() {
    if (this.isDead) throw new Trap("the instance has ended");
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
   * An import that makes the component wait: its stack is put aside until a promise is settled (V8 does so even where it is given none).
   * As stacks are taken up again one after the other, each of them finds its task as the current one.
   */
  suspending(run) {
    return new WebAssembly.Suspending((...given) => this.#putAside(Promise.resolve(run(...given))));
  }
  #putAside(promise) {
    const task = this.current;
    const mayBlock = this.#mayBlock?.value;
    return new Promise((resolve, reject) => {
      const go = (settle) => (value) => {
        this.#resuming.push(() => {
          this.#become(task, mayBlock);
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
      const next = this.#resuming.shift();
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
