// What a component instance holds by index: resources, ends of streams and futures, subtasks and sets of waitables
// (Canonical ABI, "Table State").

import { Trap } from "./trap.js";

/** How many handles all component instances of an instance may hold. Source: wasmtime 48, `DEFAULT_MAX_COMPONENT_HANDLES`. */
const MOST = 100_000;

export class Handles {
  /** Index 0 is never given. */
  #entries = [null];
  #free = [];
  #store;
  constructor(store) {
    this.#store = store;
  }
  add(entry) {
    if (++this.#store.handles > MOST) throw new Trap(`more than ${MOST} handles are held`);
    const index = this.#free.pop() ?? this.#entries.length;
    this.#entries[index] = entry;
    return index;
  }
  /** The entry, which must be of this class. */
  get(index, kind) {
    const entry = this.#entries[index];
    if (!(entry instanceof kind)) throw new Trap(`the handle ${index} is unknown, or of another kind`);
    return entry;
  }
  remove(index, kind) {
    const entry = this.get(index, kind);
    this.#store.handles--;
    this.#entries[index] = null;
    this.#free.push(index);
    return entry;
  }
}

/** A handle to a resource. */
class ResourceHandle {
  /** How often it is lent out in calls that are under way. */
  lent = 0;
  /**
   * @param {unknown} resource which one, of the program
   * @param {unknown} rep the host's object, or the number by which a component knows its own
   * @param {import("./tasks.js").Task | null} borrower the task that it is lent to; `null` where it is owned
   */
  constructor(resource, rep, borrower) {
    this.resource = resource;
    this.rep = rep;
    this.borrower = borrower;
  }
}

/** A resource that a component has made and the host holds. */
export class GuestResource {
  constructor(rep) {
    this.rep = rep;
  }
}

const handlesOf = (store, table) => store.instances[table.instance].handles;

/** A handle in a table of resources: of the resource that belongs there. */
function find(store, index, table) {
  const found = handlesOf(store, table).get(index, ResourceHandle);
  if (found.resource !== table.resource) throw new Trap(`the handle ${index} is of another resource`);
  return found;
}

function add(store, rep, table, borrower) {
  return handlesOf(store, table).add(new ResourceHandle(table.resource, rep, borrower));
}

/** Takes an owned resource out of a table. */
function takeOwned(store, index, table) {
  const found = find(store, index, table);
  if (found.borrower !== null) throw new Trap(`the resource ${index} is borrowed, and cannot be given away`);
  if (found.lent > 0) throw new Trap(`the resource ${index} is lent, and cannot be given away`);
  handlesOf(store, table).remove(index, ResourceHandle);
  return found.rep;
}

/** Lends a resource to the task that is current. The component that defines it gets what it knows it by. */
function lend(store, rep, table) {
  if (table.resource.definedBy === table.instance) return rep;
  store.current.borrows++;
  return add(store, rep, table, store.current);
}

/** As the host has it, and as a component has it. */
const out = (rep, { resource }) => (resource.isImported ? rep : new GuestResource(rep));
const into = (value) => (value instanceof GuestResource ? value.rep : value);

export const own = {
  lift: ({ store }, index, table) => out(takeOwned(store, index, table), table),
  lower: ({ store }, value, table) => add(store, into(value), table, null),
};
export const borrow = {
  lift({ store }, index, table) {
    const found = find(store, index, table);
    store.lent.push(found);
    return out(found.rep, table);
  },
  lower: ({ store }, value, table) => lend(store, into(value), table),
};

export const newResource = (store, rep, table) => add(store, rep, table, null);
export const resourceRep = (store, index, table) => find(store, index, table).rep;

/** Gives up a handle; an owned resource goes with it. */
export function dropResource(store, index, table) {
  const { rep, lent, borrower } = find(store, index, table);
  if (lent > 0) throw new Trap(`the resource ${index} is lent, and cannot be dropped`);
  handlesOf(store, table).remove(index, ResourceHandle);
  if (borrower !== null) borrower.borrows--;
  else if (table.resource.isImported) rep[Symbol.dispose]?.();
  else store.destroy(table.resource, rep, table.instance);
}

/** Moves an owned resource from the table of one component to that of another. */
export const transferOwn = (store, index, from, to) => add(store, takeOwned(store, index, from), to, null);

/** Lends a resource of one component to another, until the task that is current answers. */
export function transferBorrow(store, index, from, to) {
  const found = find(store, index, from);
  found.lent++;
  store.current.lenders.push(found);
  return lend(store, found.rep, to);
}
