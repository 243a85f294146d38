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
    Object.assign(this, { side, type, pointer: pointer >>> 0, length });
  }
  get left() {
    return this.length - this.done;
  }
  get place() {
    return this.pointer + this.done * this.type.size;
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
  else if ((from.type ?? to.type) !== null) carry(from, to, count, from.type ?? to.type);
  from.done += count;
  to.done += count;
}

/** What the host has given comes back to it. */
function hand({ values, done }, to, count) {
  if (values instanceof Uint8Array) to.values.push(values.subarray(done, done + count));
  else to.values.push(...values.slice(done, done + count));
}

function carry(from, to, count, type) {
  const isBytes = type.array === Uint8Array;
  if (from instanceof HostBuffer) {
    if (isBytes) to.side.bytes.set(from.values.subarray(from.done, from.done + count), to.place);
    else for (let at = 0; at < count; at++) to.type.store(to.side, from.values[from.done + at], to.place + at * type.size);
  } else if (to instanceof HostBuffer) {
    if (isBytes) to.values.push(from.side.bytes.slice(from.place, from.place + count));
    else for (let at = 0; at < count; at++) to.values.push(type.load(from.side, from.place + at * type.size));
  } else if (type.array !== undefined) {
    const size = count * type.size;
    to.side.bytes.set(from.side.bytes.subarray(from.place, from.place + size), to.place);
  } else {
    for (let at = 0; at < count; at++) to.type.store(to.side, from.type.load(from.side, from.place + at * type.size), to.place + at * type.size);
  }
}

/** What two ends share: the buffer that one of them has offered and the other has not taken yet. */
class Shared {
  /** @type {Offer | null} */
  #pending = null;
  #isDropped = false;
  /** Where values come from that the host gives: asked when a component reads. */
  source = null;
  #isAsking = false;

  get isDropped() {
    return this.#isDropped;
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
    this.source?.leave();
    this.source = null;
    pending?.tell(DROPPED);
  }

  async #ask() {
    const { source } = this;
    if (source === null || this.#isAsking) return;
    this.#isAsking = true;
    let values;
    do values = await source.next();
    while (values !== null && values.length === 0);
    this.#isAsking = false;
    if (this.#isDropped) return;
    if (values === null) {
      this.source = null;
      this.drop();
      return;
    }
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

  /** Offers a buffer of the component's. */
  copy(side, pointer, length) {
    if (this.#offer !== null) throw new Trap("an end that copies cannot copy");
    if (this.#isDone) throw new Trap("an end that is done cannot copy");
    const offer = { buffer: new GuestBuffer(side, this.type, pointer, length), isRead: this.isRead, tell: (result) => this.#tell(offer, result) };
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

function addEnd(instance, [readable, writable], shared, isRead, type) {
  const end = new (isRead ? readable : writable)(shared, isRead, type, readable === ReadableFutureEnd);
  end.index = instance.handles.add(end);
  return end.index;
}

/** `stream.new`, `future.new`: the readable end in the lower half, the writable end in the upper. */
export function newPair(instance, isFuture, type) {
  const kinds = isFuture ? FUTURE : STREAM;
  const shared = new Shared();
  const read = addEnd(instance, kinds, shared, true, type);
  const write = addEnd(instance, kinds, shared, false, type);
  return (BigInt(write) << 32n) | BigInt(read);
}

/** `read` and `write` of either: packed, or {@link BLOCKED} where an event tells it later. */
export const copyStream = (side, kind, index, pointer, length) => side.instance.handles.get(index, kind).copy(side, pointer, length >>> 0);
export const copyFuture = (side, kind, index, pointer) => side.instance.handles.get(index, kind).copy(side, pointer, ONE);
export const isBlocked = (packed) => packed === BLOCKED;

/** Moves a readable end from the table of one component to that of another. */
export function transfer(from, to, kind, index, type) {
  const shared = from.handles.remove(index, kind).leave();
  return addEnd(to, kind === ReadableStreamEnd ? STREAM : FUTURE, shared, true, type);
}

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
        resolve(buffer.done === 0 ? null : joined(chunks));
      };
      const offer = { buffer, isRead: true, tell };
      if (this.shared.offer(offer) !== null) tell();
    });
  }
  drop() {
    this.shared.drop();
  }
  [Symbol.dispose]() {
    this.drop();
  }
}

const joined = (chunks) => (chunks.length === 1 && chunks[0] instanceof Uint8Array ? chunks[0] : chunks);

export const stream = {
  lift: (side, index) => new StreamReader(side.instance.handles.remove(index, ReadableStreamEnd).leave()),
  lower(side, value, table) {
    const type = side.store.program.streams[table];
    if (value instanceof StreamReader) return addEnd(side.instance, STREAM, value.shared, true, type);
    const shared = new Shared();
    const values = value[Symbol.asyncIterator]();
    shared.source = {
      next: () => values.next().then(({ done, value }) => (done ? null : value)),
      leave: () => values.return?.(),
    };
    return addEnd(side.instance, STREAM, shared, true, type);
  },
};

export const future = {
  lift(side, index) {
    const shared = side.instance.handles.remove(index, ReadableFutureEnd).leave();
    const values = [];
    return new Promise((resolve) => {
      const tell = (result) => result === COMPLETED && resolve(values[0]);
      const result = shared.offer({ buffer: new HostBuffer(values, ONE), isRead: true, tell });
      if (result !== null) tell(result);
    });
  },
  lower(side, value, table) {
    const shared = new Shared();
    const { store } = side;
    const next = () => Promise.resolve(value).then((value) => [value], (error) => (store.fail(error), new Promise(() => {})));
    shared.source = { next, leave() {} };
    return addEnd(side.instance, FUTURE, shared, true, store.program.futures[table]);
  },
};
