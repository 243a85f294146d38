// Streams and futures (Canonical ABI, "Stream State", "Future State"): values go from one end to the other when both
// offer a buffer. An end is a component's, or the host's; bytes go straight from memory to memory.
//
// For the host, a stream that a component has given is a `StreamReader`, and a future is a promise. A stream for a
// component is anything that can be iterated asynchronously and gives chunks; a future for it is a promise.

import { Trap } from "./trap.js";
import { Waitable } from "./waitables.js";

/** What became of a copy. Source: Canonical ABI, `CopyResult`. */
const COMPLETED = 0;
const DROPPED = 1;
const CANCELLED = 2;
const BLOCKED = -1;

/** A future carries one value. */
const ONE = 1;

/** A buffer in the memory of a component. */
class GuestBuffer {
  done = 0;
  constructor(side, type, pointer, length) {
    if (length > MOST) throw new Trap("a buffer is too long");
    if (type !== null && length > 0) side.slice(pointer, length * type.size, type.align);
    // What is put there may ask the component for memory, and then it is asked as who has offered the buffer.
    Object.assign(this, { side, type, pointer: pointer >>> 0, length, task: side.store.current });
  }
  get left() {
    return this.length - this.done;
  }
  get place() {
    return this.pointer + this.done * (this.type?.size ?? 0);
  }
}
/** Source: Canonical ABI, `Buffer.MAX_LENGTH`. */
const MOST = 2 ** 28 - 1;

/** A buffer of the host's: values that it gives, or that it has room for. */
class HostBuffer {
  done = 0;
  constructor(values, length) {
    Object.assign(this, { values, length });
  }
  get left() {
    return this.length - this.done;
  }
}

/** Moves as much as both have. */
function move(from, to) {
  const count = Math.min(from.left, to.left);
  if (from instanceof HostBuffer && to instanceof HostBuffer) hand(from, to, count);
  else if (to instanceof HostBuffer) take(from, to, count);
  else if (from instanceof HostBuffer) give(from, to, count);
  else if (from.type !== null) carry(from, to, count);
  from.done += count;
  to.done += count;
}

/** What the host has given comes back to it. */
function hand({ values, done }, to, count) {
  if (values instanceof Uint8Array) to.values.push(values.subarray(done, done + count));
  else for (const value of values.slice(done, done + count)) to.values.push(value);
}

/** From a component to the host. */
function take({ side, type, place }, { values }, count) {
  if (type === null) return;
  if (type.array === Uint8Array) return values.push(side.bytes.slice(place, place + count));
  side.store.refuel();
  for (let at = 0; at < count; at++) values.push(type.load(side, place + at * type.size));
}

/** From the host to a component. */
function give({ values, done }, to, count) {
  if (to.type === null) return;
  if (to.type.array === Uint8Array) to.side.bytes.set(values.subarray(done, done + count), to.place);
  else store(to, count, (at) => values[done + at]);
}

/** From one component to another. */
function carry(from, to, count) {
  const { side, type, place } = from;
  const size = count * type.size;
  if (type.array !== undefined) return to.side.bytes.set(side.bytes.subarray(place, place + size), to.place);
  if (side.instance === to.side.instance) throw new Trap("a component reads what it writes itself, and that is not numbers");
  side.store.refuel();
  store(to, count, (at) => type.load(side, place + at * type.size));
}

function store({ side, type, place, task }, count, value) {
  side.store.within(task, () => {
    for (let at = 0; at < count; at++) type.store(side, value(at), place + at * type.size);
  });
}

/** What two ends share: the buffer that one of them has offered and the other has not taken yet. */
class Shared {
  /** @type {Offer | null} */
  #pending = null;
  #isDropped = false;
  /** Where values come from that the host gives: asked when a component reads. */
  #source;
  #isAsking = false;

  /** @param {{ next: () => Promise<Uint8Array | unknown[] | null>, leave: () => void, store: import("./store.js").Store } | null} source */
  constructor(source = null) {
    this.#source = source;
  }

  /**
   * Offers a buffer; gives what came of it, or `null` where it waits for the other end.
   * @typedef {{ buffer: GuestBuffer | HostBuffer, isRead: boolean, tell: (result: number) => void }} Offer `tell` is called
   *   when something has come of it later, and again when more has, as long as it was not taken back
   * @param {Offer} offer
   */
  offer(offer) {
    if (this.#isDropped) return DROPPED;
    const other = this.#pending;
    if (other === null) {
      this.#pending = offer;
      if (offer.isRead) this.#ask();
      return null;
    }
    if (other.isRead === offer.isRead) throw new Trap("an end is read or written twice at once");
    if (other.buffer.left > 0) {
      if (offer.buffer.left > 0) {
        if (offer.isRead) move(other.buffer, offer.buffer);
        else move(offer.buffer, other.buffer);
        if (other.buffer.left === 0) this.#pending = null;
        other.tell(COMPLETED);
      }
      return COMPLETED;
    }
    // Buffers without room ask whether the other end is there.
    if (!offer.isRead && offer.buffer.length === 0 && other.buffer.length === 0) return COMPLETED;
    this.#pending = null;
    other.tell(COMPLETED);
    return this.offer(offer);
  }
  /** Takes a buffer back. */
  retract(offer) {
    if (this.#pending === offer) this.#pending = null;
  }
  /** One end is gone. */
  drop() {
    if (this.#isDropped) return;
    this.#isDropped = true;
    const pending = this.#pending;
    this.#pending = null;
    this.#source?.leave();
    this.#source = null;
    pending?.tell(DROPPED);
  }

  #ask() {
    const source = this.#source;
    if (source === null || this.#isAsking) return;
    this.#isAsking = true;
    const { store } = source;
    source.next().then((values) => store.guard(() => this.#given(values)), (error) => store.fail(error));
  }
  #given(values) {
    this.#isAsking = false;
    if (this.#isDropped) return;
    if (values === null) {
      this.#source = null;
      this.drop();
      return;
    }
    if (values.length === 0) return this.#ask();
    const offer = { buffer: new HostBuffer(values, values.length), isRead: false, tell: () => {} };
    // What is more than was asked for waits for the next read.
    if (this.offer(offer) === COMPLETED && offer.buffer.left > 0) this.#pending = offer;
  }
}

/** One end of a stream or a future, in the table of a component. */
class End extends Waitable {
  /** The buffer that is under way. */
  #offer = null;
  #isDone = false;

  constructor(shared, isRead, type, isFuture) {
    super();
    Object.assign(this, { shared, isRead, type, isFuture });
  }

  /** Offers a buffer of the component's; gives what came of it, packed, or {@link BLOCKED} where an event tells it later. */
  copy(side, pointer, length = ONE) {
    if (this.#offer !== null) throw new Trap("an end that copies cannot copy");
    if (this.#isDone) throw new Trap("an end that is done cannot copy");
    const offer = { buffer: new GuestBuffer(side, this.type, pointer, length >>> 0), isRead: this.isRead, tell: (result) => this.#tell(offer, result) };
    const result = this.shared.offer(offer);
    if (result !== null) return this.#packed(offer, result);
    this.#offer = offer;
    return BLOCKED;
  }
  #tell(offer, result) {
    this.tell(() => [this.#code, this.index, this.#end(offer, result)]);
  }
  #end(offer, result) {
    this.shared.retract(offer);
    this.#offer = null;
    return this.#packed(offer, result);
  }
  #packed({ buffer }, result) {
    if (result === DROPPED || (this.isFuture && result === COMPLETED)) this.#isDone = true;
    return this.isFuture ? result : result | (buffer.done << 4);
  }
  /** Source: Canonical ABI, `EventCode`. */
  get #code() {
    return (this.isFuture ? 4 : 2) + (this.isRead ? 0 : 1);
  }

  cancel() {
    const offer = this.#offer;
    if (offer === null) throw new Trap("nothing is under way that could be cancelled");
    if (this.isReady) return this.take()[2];
    return this.#end(offer, CANCELLED);
  }
  drop() {
    if (this.#offer !== null) throw new Trap("an end that copies cannot be dropped");
    if (this.isFuture && !this.isRead && !this.#isDone) throw new Trap("a future is dropped before it has its value");
    this.join(null);
    this.shared.drop();
  }
  /** It goes to another component. */
  leave() {
    if (this.#offer !== null) throw new Trap("an end that copies cannot be given away");
    if (this.#isDone) throw new Trap("an end that is done cannot be given away");
    this.join(null);
    return this.shared;
  }
}
export class ReadableStreamEnd extends End {}
export class WritableStreamEnd extends End {}
export class ReadableFutureEnd extends End {}
export class WritableFutureEnd extends End {}

const STREAM = [ReadableStreamEnd, WritableStreamEnd];
const FUTURE = [ReadableFutureEnd, WritableFutureEnd];

function addEnd(store, table, shared, isRead) {
  const [readable, writable] = table.isFuture ? FUTURE : STREAM;
  const end = new (isRead ? readable : writable)(shared, isRead, table.type, table.isFuture);
  end.index = store.instances[table.instance].handles.add(end);
  return end.index;
}

/** `stream.new`, `future.new`: the readable end in the lower half, the writable end in the upper. */
export function newPair(store, table) {
  const shared = new Shared();
  const read = addEnd(store, table, shared, true);
  const write = addEnd(store, table, shared, false);
  return (BigInt(write) << 32n) | BigInt(read);
}

/** The end that a component means; it must be of the type of the table. */
export function findEnd(store, table, kind, index) {
  const end = store.instances[table.instance].handles.get(index, kind);
  if (end.type !== table.type) throw new Trap(`the handle ${index} is of a stream or future of another type`);
  return end;
}
export const dropEnd = (store, table, kind, index) => store.instances[table.instance].handles.remove(index, kind).drop();
export const isBlocked = (packed) => packed === BLOCKED;

/** Takes a readable end out of a table. */
function takeEnd(store, table, kind, index) {
  const shared = findEnd(store, table, kind, index).leave();
  store.instances[table.instance].handles.remove(index, kind);
  return shared;
}

/** Moves a readable end from the table of one component to that of another. */
export const transfer = (store, kind, index, from, to) => addEnd(store, to, takeEnd(store, from, kind, index), true);

/** A stream that a component has given to the host. */
export class StreamReader {
  constructor(shared) {
    this.shared = shared;
  }
  /** The next values, at most so many; `null` at the end. */
  read(most) {
    const chunks = [];
    const buffer = new HostBuffer(chunks, most);
    return new Promise((resolve) => {
      const tell = () => {
        this.shared.retract(offer);
        // Bytes come as one chunk.
        resolve(buffer.done === 0 ? null : chunks[0] instanceof Uint8Array ? chunks[0] : chunks);
      };
      const offer = { buffer, isRead: true, tell };
      if (this.shared.offer(offer) !== null) tell();
    });
  }
  [Symbol.dispose]() {
    this.shared.drop();
  }
}

export const stream = {
  lift: ({ store }, index, table) => new StreamReader(takeEnd(store, table, ReadableStreamEnd, index)),
  lower({ store }, value, table) {
    if (value instanceof StreamReader) return addEnd(store, table, value.shared, true);
    const values = value[Symbol.asyncIterator]();
    const next = () => values.next().then(({ done, value }) => (done ? null : value));
    return addEnd(store, table, new Shared({ next, leave: () => values.return?.(), store }), true);
  },
};

export const future = {
  lift({ store }, index, table) {
    const shared = takeEnd(store, table, ReadableFutureEnd, index);
    const values = [];
    return new Promise((resolve) => {
      const tell = (result) => result === COMPLETED && resolve(values[0]);
      const result = shared.offer({ buffer: new HostBuffer(values, ONE), isRead: true, tell });
      if (result !== null) tell(result);
    });
  },
  lower({ store }, value, table) {
    const next = () => Promise.resolve(value).then((value) => [value]);
    return addEnd(store, table, new Shared({ next, leave() {}, store }), true);
  },
};
