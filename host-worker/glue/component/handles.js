// What a component instance holds by index: resources, ends of streams and futures, subtasks and sets of waitables
// (Canonical ABI, "Table State").

import { Trap } from "./trap.js";

export class Handles {
  /** Index 0 is never given. */
  #entries = [null];
  #free = [];

  add(entry) {
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
    this.#entries[index] = null;
    this.#free.push(index);
    return entry;
  }
}

/** A handle to a resource. */
export class ResourceHandle {
  /** How often it is lent out in calls that are under way. */
  lent = 0;
  /**
   * @param {number} resource which one, of the description
   * @param {unknown} rep the host's object, or the number by which a component knows its own
   * @param {boolean} isOwn whether it is owned, or borrowed
   */
  constructor(resource, rep, isOwn) {
    this.resource = resource;
    this.rep = rep;
    this.isOwn = isOwn;
  }
}

/** A resource that a component has made and the host holds. */
export class GuestResource {
  constructor(store, resource, rep) {
    this.store = store;
    this.resource = resource;
    this.rep = rep;
  }
}

/** Whatever a handle of the description's table at this index is to: checked to be of its resource. */
function find(side, index, table) {
  const { instance, store } = side;
  const found = instance.handles.get(index, ResourceHandle);
  if (found.resource !== store.program.resourceOf(table)) throw new Trap(`the handle ${index} is of another resource`);
  return found;
}

export const own = {
  lift(side, index, table) {
    const found = find(side, index, table);
    if (!found.isOwn) throw new Trap(`the resource ${index} is borrowed, and cannot be given away`);
    if (found.lent > 0) throw new Trap(`the resource ${index} is lent, and cannot be given away`);
    side.instance.handles.remove(index, ResourceHandle);
    return out(side.store, found);
  },
  lower: (side, value, table) => side.instance.handles.add(new ResourceHandle(side.store.program.resourceOf(table), into(value), true)),
};

export const borrow = {
  lift: (side, index, table) => out(side.store, find(side, index, table)),
  lower(side, value, table) {
    const { program } = side.store;
    const resource = program.resourceOf(table);
    // The component that defines a resource gets what it knows it by.
    if (program.resources[resource].definedBy === side.instance.index) return into(value);
    return side.instance.handles.add(new ResourceHandle(resource, into(value), false));
  },
};

function out(store, { resource, rep }) {
  return store.program.resources[resource].isImported ? rep : new GuestResource(store, resource, rep);
}
const into = (value) => (value instanceof GuestResource ? value.rep : value);

/** Gives up a handle; an owned resource goes with it. */
export function dropResource(store, instance, index, resource) {
  const found = instance.handles.get(index, ResourceHandle);
  if (found.resource !== resource) throw new Trap(`the handle ${index} is of another resource`);
  if (found.lent > 0) throw new Trap(`the resource ${index} is lent, and cannot be dropped`);
  instance.handles.remove(index, ResourceHandle);
  if (!found.isOwn) return;
  if (store.program.resources[resource].isImported) found.rep[Symbol.dispose]?.();
  else store.destructors[resource]?.(found.rep);
}

/** Moves an owned resource from the table of one component to that of another. */
export function transferOwn(store, index, from, to) {
  const { program, instances } = store;
  const found = instances[program.tableInstance(from)].handles.get(index, ResourceHandle);
  if (!found.isOwn || found.lent > 0) throw new Trap(`the resource ${index} cannot be given away`);
  instances[program.tableInstance(from)].handles.remove(index, ResourceHandle);
  return instances[program.tableInstance(to)].handles.add(new ResourceHandle(program.resourceOf(to), found.rep, true));
}

/** Lends a resource of one component to another. */
export function transferBorrow(store, index, from, to) {
  const { program, instances } = store;
  const found = instances[program.tableInstance(from)].handles.get(index, ResourceHandle);
  const resource = program.resourceOf(to);
  const target = program.tableInstance(to);
  if (program.resources[resource].definedBy === target) return found.rep;
  return instances[target].handles.add(new ResourceHandle(resource, found.rep, false));
}
