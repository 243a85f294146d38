// `wasi:io@0.2`: errors, pollables and streams of bytes.
//
// What need not wait answers at once, and not by a promise: where a component cannot be made to wait (an object's
// constructor, say), it can still write to its output (bundle/suspending.mjs).

import { WitError } from "./http.js";

/** What went wrong with a stream. */
export class IoError {
  constructor(cause) {
    this.cause = cause;
  }
  toDebugString() {
    return String(this.cause?.message ?? this.cause);
  }
}
export const error = () => ({ Error: IoError });

const closed = () => new WitError({ tag: "closed" });
const failed = (cause) => new WitError({ tag: "last-operation-failed", val: new IoError(cause) });

/** Something that is ready now or later, and may be so again and again. */
export class Pollable {
  #dispose;
  /**
   * @param {() => boolean} ready
   * @param {() => Promise<unknown>} wait resolves when it is worth to ask `ready` again
   * @param {() => void} [dispose]
   */
  constructor(ready, wait, dispose) {
    this.ready = ready;
    this.wait = wait;
    this.#dispose = dispose;
  }
  /** Ready once a promise has settled. */
  static after(promise, dispose) {
    let ready = false;
    const settled = () => (ready = true);
    const wait = promise.then(settled, settled);
    return new Pollable(() => ready, () => wait, dispose);
  }
  block() {
    return this.ready() ? undefined : this.#block();
  }
  async #block() {
    while (!this.ready()) await this.wait();
  }
  [Symbol.dispose]() {
    this.#dispose?.();
  }
}

const readyOnes = (list) => Uint32Array.from(list.flatMap((pollable, index) => (pollable.ready() ? [index] : [])));
async function pollLater(list) {
  let ready;
  do {
    await Promise.race(list.map((pollable) => pollable.wait()));
    ready = readyOnes(list);
  } while (ready.length === 0);
  return ready;
}
export const poll = () => ({
  Pollable,
  poll(list) {
    // The interface says that this traps.
    if (list.length === 0) throw new Error("a list of pollables is empty");
    const ready = readyOnes(list);
    return ready.length > 0 ? ready : pollLater(list);
  },
});

const least = (length, most) => Number(length < BigInt(most) ? length : BigInt(most));

/** Bytes that a guest reads, from a function that gives the next of them, `null` at the end. */
export class InputStream {
  #read;
  #leave;
  #rest = new Uint8Array(0);
  #next = null;
  #end = null;
  constructor(read, leave) {
    this.#read = read;
    this.#leave = leave;
  }
  #ready() {
    return this.#rest.length > 0 || this.#end !== null;
  }
  /** Asks for more, where that has not been done. */
  #ask() {
    this.#next ??= this.#read().then(
      (bytes) => {
        this.#next = null;
        if (bytes === null) this.#end = closed();
        else this.#rest = bytes;
      },
      (error) => {
        this.#next = null;
        this.#end = failed(error);
      },
    );
    return this.#next;
  }
  read(length) {
    if (this.#rest.length === 0) {
      if (this.#end !== null) throw this.#end;
      this.#ask();
      return new Uint8Array(0);
    }
    const count = least(length, this.#rest.length);
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }
  blockingRead(length) {
    return this.#ready() || length === 0n ? this.read(length) : this.#readLater(length);
  }
  async #readLater(length) {
    while (!this.#ready()) await this.#ask();
    return this.read(length);
  }
  skip(length) {
    return BigInt(this.read(length).length);
  }
  blockingSkip(length) {
    const skipped = (bytes) => BigInt(bytes.length);
    const bytes = this.blockingRead(length);
    return bytes instanceof Uint8Array ? skipped(bytes) : bytes.then(skipped);
  }
  subscribe() {
    return new Pollable(() => this.#ready(), () => this.#ask());
  }
  [Symbol.dispose]() {
    this.#end ??= closed();
    this.#leave?.();
  }
}
export const closedInput = () => {
  const stream = new InputStream(async () => null);
  // Nobody needs to wait to learn that there is nothing.
  stream[Symbol.dispose]();
  return stream;
};

/** How many bytes a guest may write at once, and before some of them have gone on: as many as wasmtime lets it. */
export const ROOM_BYTES = 65536;

/** The interface says that more than this traps; the guest's number is looked at before so much is made. */
function zeroes(length) {
  if (length > BigInt(ROOM_BYTES)) throw new Error(TOO_MUCH);
  return new Uint8Array(Number(length));
}
const TOO_MUCH = "a guest wrote more than it was permitted to";

/** Bytes that a guest writes; `write` takes them, and gives a promise where the next ones have to wait. */
export class OutputStream {
  #write;
  #leave;
  #pending = null;
  #end = null;
  /**
   * @param {(bytes: Uint8Array) => Promise<void> | undefined} write throws `null` where nobody takes bytes any more
   * @param {() => void} [leave]
   */
  constructor(write, leave) {
    this.#write = write;
    this.#leave = leave;
  }
  checkWrite() {
    if (this.#end !== null) throw this.#end;
    return this.#pending === null ? BigInt(ROOM_BYTES) : 0n;
  }
  write(bytes) {
    if (this.#end !== null) throw this.#end;
    // The interface says that this traps.
    if (bytes.length > ROOM_BYTES || this.#pending !== null) throw new Error(TOO_MUCH);
    let wait;
    try {
      wait = this.#write(bytes);
    } catch (error) {
      throw this.#fail(error);
    }
    if (wait === undefined) return;
    this.#pending = wait.then(
      () => void (this.#pending = null),
      (error) => {
        this.#pending = null;
        this.#fail(error);
      },
    );
  }
  #fail(error) {
    return (this.#end = error === null ? closed() : failed(error));
  }
  /** Runs `act` when there is room. */
  #withRoom(act) {
    return this.#pending === null ? act() : this.#pending.then(act);
  }
  blockingWriteAndFlush(bytes) {
    return this.#withRoom(() => {
      this.write(bytes);
      return this.blockingFlush();
    });
  }
  /** What was written is on its way; there is nothing to hurry. */
  flush() {
    if (this.#end !== null) throw this.#end;
  }
  blockingFlush() {
    return this.#withRoom(() => this.flush());
  }
  subscribe() {
    return new Pollable(() => this.#pending === null, () => this.#pending ?? Promise.resolve());
  }
  writeZeroes(length) {
    this.write(zeroes(length));
  }
  blockingWriteZeroesAndFlush(length) {
    return this.blockingWriteAndFlush(zeroes(length));
  }
  splice(from, length) {
    const bytes = from.read(BigInt(least(length, Number(this.checkWrite()))));
    this.write(bytes);
    return BigInt(bytes.length);
  }
  async blockingSplice(from, length) {
    await this.#pending;
    const bytes = await from.blockingRead(BigInt(least(length, ROOM_BYTES)));
    await this.blockingWriteAndFlush(bytes);
    return BigInt(bytes.length);
  }
  [Symbol.dispose]() {
    this.#leave?.();
  }
}
export const streams = () => ({ InputStream, OutputStream });
