// `wasi:io@0.2`: errors, pollables and streams of bytes.

import { WitError } from "./http.js";

class IoError {
  #text;
  constructor(text) {
    this.#text = text;
  }
  toDebugString() {
    return this.#text;
  }
}
export const error = () => ({ Error: IoError });

/** Something that becomes ready. */
export class Pollable {
  #ready = false;
  #when;
  constructor(when) {
    this.#when = Promise.resolve(when).then(
      () => (this.#ready = true),
      () => (this.#ready = true),
    );
  }
  ready() {
    return this.#ready;
  }
  async block() {
    await this.#when;
  }
  get when() {
    return this.#when;
  }
}
export const poll = () => ({
  Pollable,
  async poll(list) {
    if (list.length === 0) throw new Error("a list of pollables is empty");
    await Promise.race(list.map((pollable) => pollable.when));
    return Uint32Array.from(list.flatMap((pollable, index) => (pollable.ready() ? [index] : [])));
  },
});

const closed = () => new WitError({ tag: "closed" });
const failed = (text) => new WitError({ tag: "last-operation-failed", val: new IoError(text) });

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
        this.#end = failed(String(error?.message ?? error));
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
    const count = Number(length < BigInt(this.#rest.length) ? length : BigInt(this.#rest.length));
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }
  async blockingRead(length) {
    while (this.#rest.length === 0 && this.#end === null) await this.#ask();
    return this.read(length);
  }
  skip(length) {
    return BigInt(this.read(length).length);
  }
  async blockingSkip(length) {
    return BigInt((await this.blockingRead(length)).length);
  }
  subscribe() {
    return new Pollable(this.#rest.length > 0 || this.#end !== null ? undefined : this.#ask());
  }
  [Symbol.dispose]() {
    this.#leave?.();
  }
}
export const closedInput = () => new InputStream(async () => null);

/** How many bytes a guest may write before they have gone on (wasmtime's own bound is as large). */
const ROOM_BYTES = 65536;

/** Bytes that a guest writes; `write` takes them, and may answer when it has room again. */
export class OutputStream {
  #write;
  #pending = null;
  #end = null;
  constructor(write) {
    this.#write = write;
  }
  checkWrite() {
    if (this.#end !== null) throw this.#end;
    return this.#pending === null ? BigInt(ROOM_BYTES) : 0n;
  }
  write(bytes) {
    if (this.#end !== null) throw this.#end;
    if (bytes.length > ROOM_BYTES) throw new Error("a guest wrote more than it was allowed to");
    const taken = this.#write(bytes);
    if (taken?.then === undefined) return;
    this.#pending = taken.then(
      () => (this.#pending = null),
      (error) => {
        this.#pending = null;
        this.#end = error === null ? closed() : failed(String(error?.message ?? error));
      },
    );
  }
  async blockingWriteAndFlush(bytes) {
    await this.#pending;
    this.write(bytes);
    await this.blockingFlush();
  }
  flush() {
    if (this.#end !== null) throw this.#end;
  }
  async blockingFlush() {
    await this.#pending;
    this.flush();
  }
  subscribe() {
    return new Pollable(this.#pending ?? undefined);
  }
  writeZeroes(length) {
    this.write(new Uint8Array(Number(length)));
  }
  blockingWriteZeroesAndFlush(length) {
    return this.blockingWriteAndFlush(new Uint8Array(Number(length)));
  }
  splice(from, length) {
    const bytes = from.read(length < this.checkWrite() ? length : this.checkWrite());
    this.write(bytes);
    return BigInt(bytes.length);
  }
  async blockingSplice(from, length) {
    await this.#pending;
    const bytes = await from.blockingRead(length < BigInt(ROOM_BYTES) ? length : BigInt(ROOM_BYTES));
    await this.blockingWriteAndFlush(bytes);
    return BigInt(bytes.length);
  }
}
export const streams = () => ({ InputStream, OutputStream });
