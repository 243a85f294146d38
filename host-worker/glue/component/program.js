// A component as all of its instances share it: the description of `selvedge-transpile`, made ready to run.

import { lifted, Func } from "./calls.js";
import { borrow, own } from "./handles.js";
import { camel, pascal, withoutPatch } from "./names.mjs";
import { Store } from "./store.js";
import { future, stream } from "./streams.js";
import { Task } from "./tasks.js";
import { trampoline } from "./trampolines.js";
import { Types } from "./types.js";

/** A table of streams or futures: what they carry, and the component instance that it belongs to. */
class TransmitTable {
  #types;
  #ref;
  constructor(types, ref, instance, isFuture) {
    this.#types = types;
    this.#ref = ref;
    this.instance = instance;
    this.isFuture = isFuture;
  }
  get type() {
    return this.#types.optional(this.#ref);
  }
}

export class Program {
  #told;
  #waits;
  #steps;
  #exports;
  #trampolines;

  /**
   * @param {object} told the description
   * @param {Record<number, WebAssembly.Module>} modules its core modules, by their numbers
   * @param {string[]} waits the functions of imports that may answer later though they are synchronous to a component, as `interface#function`
   */
  constructor(told, modules, waits) {
    this.#told = told;
    this.#waits = new Set(waits);
    this.instanceCount = told.instances;
    this.options = told.options;
    this.types = new Types(told.types, (kind, table) => this.#handle(kind, table));
    this.resources = told.resources.all.map(([imported, definedBy]) => ({ isImported: imported !== null, definedBy }));
    this.resourceTables = told.resources.tables.map((table) => table && { resource: this.resources[table[0]], instance: table[1] });
    this.streamTables = told.streams.map(([ref, instance]) => new TransmitTable(this.types, ref, instance, false));
    this.futureTables = told.futures.map(([ref, instance]) => new TransmitTable(this.types, ref, instance, true));
    this.callsComponents = told.trampolines.some(([kind]) => kind === "async-start-call");
    this.#trampolines = told.trampolines.map((told) => trampoline(this, told));
    this.suspends = this.#trampolines.some(({ waits }) => waits);
    this.#steps = told.steps.map((step) => STEPS[step[0]](modules, ...step.slice(1))).filter((step) => step !== null);
    this.#exports = Object.entries(told.exports);
  }

  #handle(kind, index) {
    const [{ lift, lower }, tables] = {
      own: [own, this.resourceTables],
      borrow: [borrow, this.resourceTables],
      stream: [stream, this.streamTables],
      future: [future, this.futureTables],
    }[kind];
    const table = tables[index];
    return { lift: (side, index) => lift(side, index, table), lower: (side, value) => lower(side, value, table) };
  }

  /** A trampoline, for an instance. */
  trampoline(index, store) {
    const { make, instance, waits } = this.#trampolines[index];
    const run = make(store);
    const caller = store.instances[instance];
    const checked = caller === undefined ? run : (...given) => (caller.checkLeave(), run(...given));
    return waits ? store.suspending(checked) : checked;
  }
  isAsync(options) {
    return this.#told.options[options][6];
  }
  /** Whether an import may make a component wait that calls it synchronously. */
  waits(index, isAsync) {
    const [from, name] = this.#told.imports[index];
    return isAsync || this.#waits.has(`${from}#${name}`);
  }

  /** What an import is, of what the host gives by interface. */
  target(index) {
    const [from, name] = this.#told.imports[index];
    const key = withoutPatch(from);
    const [, kind, resource, member] = /^\[([a-z]+)\]([^.]*)\.?(.*)$/.exec(name) ?? [];
    const class_ = resource && pascal(resource);
    const method = member && camel(member);
    switch (kind) {
      case undefined:
        return (store) => store.interface(key)[camel(name)];
      case "constructor":
        return (store) => {
          const Class = store.interface(key)[class_];
          return (...values) => new Class(...values);
        };
      case "static":
        return (store) => {
          const Class = store.interface(key)[class_];
          return (...values) => Class[method](...values);
        };
      default:
        return () => (self, ...values) => self[method](...values);
    }
  }

  /**
   * Makes an instance.
   * @param {{ host: object, failed: (error: unknown) => void, instantiateCore: (module: WebAssembly.Module, given: object) => WebAssembly.Instance }} given what it imports,
   *   by interface; who is told what ends it; and what instantiates a core module
   * @returns {{ store: Store, exports: Record<string, Record<string, (...values: unknown[]) => Promise<unknown>>> }} by interface and by function, as WIT spells
   *   them; a method takes its resource first
   */
  instantiate({ host, failed, instantiateCore }) {
    const store = new Store(this, host, failed);
    for (const step of this.#steps) step(store, instantiateCore);
    const exports = {};
    for (const [name, members] of this.#exports) exports[name] = lazily(members, (told) => this.#lift(store, told));
    return { store, exports };
  }
  #funcs = new Map();
  #lift(store, told) {
    const [def, type, options] = told;
    let func = this.#funcs.get(told);
    if (func === undefined) this.#funcs.set(told, (func = new Func(this.types, type)));
    return lifted(store, resolve(store, def), func, store.side(options));
  }
}

/** An object of which a member is made when it is asked for. */
function lazily(members, make) {
  const made = {};
  for (const name of Object.keys(members)) {
    let value;
    Object.defineProperty(made, name, { enumerable: true, get: () => (value ??= make(members[name])) });
  }
  return made;
}

/** What a core module is given. */
function resolve(store, [kind, first, second]) {
  switch (kind) {
    case "export":
      return store.cores[first].exports[second];
    case "trampoline":
      return store.trampoline(first);
    case "may-leave":
      return store.instances[first].mayLeave;
    case "may-block":
      return store.mayBlock;
    case "context-get":
      return () => store.current.context[first];
    default:
      return (value) => void (store.current.context[first] = value);
  }
}

/** The steps of an instantiation, each made ready for a program. */
const STEPS = {
  instantiate(modules, index, given, instance) {
    return (store, instantiateCore) => {
      const imports = {};
      for (const [module, name, def] of given) (imports[module] ??= {})[name] = resolve(store, def);
      // What a module does when it starts, it does as a task.
      const task = new Task(store, store.instances[instance], false);
      store.cores.push(store.within(task, () => instantiateCore(modules[index], imports)));
    };
  },
  "leave-out": () => (store) => void store.cores.push(null),
  memory: (_modules, index, def) => (store) => store.memory(index, resolve(store, def)),
  realloc: (_modules, index, def) => (store) => void (store.reallocs[index] = resolve(store, def)),
  callback: (_modules, index, def) => (store) => void (store.callbacks[index] = resolve(store, def)),
  "post-return": (_modules, index, def) => (store) => void (store.postReturns[index] = resolve(store, def)),
  resource: (_modules, index, def) => (def === null ? null : (store) => void store.destructors.set(store.program.resources[index], resolve(store, def))),
};
