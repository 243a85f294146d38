// One side of a call: the memory of a component, and how its values lie there (canonical options).

import { Trap } from "./trap.js";

/** A memory of a core instance, with views that are renewed when it has grown. */
export class Memory {
  constructor(memory) {
    this.memory = memory;
    this.renew();
  }
  renew() {
    const { buffer } = this.memory;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }
}

export class Side {
  /**
   * @param {import("./store.js").Store} store
   * @param {[number, number | null, number | null, string, number | null, number | null, boolean]} options as the description tells them
   */
  constructor(store, [instance, memory, realloc, encoding, callback, postReturn, isAsync]) {
    this.store = store;
    this.instance = store.instances[instance];
    this.encoding = encoding;
    this.isAsync = isAsync;
    this.callback = callback === null ? null : store.callbacks[callback];
    this.postReturn = postReturn === null ? null : store.postReturns[postReturn];
    this.#memory = memory;
    this.#realloc = realloc;
  }
  #memory;
  #realloc;

  /** Found when it is needed: the host's functions are made before the module whose memory they use. */
  get memory() {
    return this.#memory === null ? null : this.store.memories[this.#memory];
  }

  /** All bytes of the memory, as long as it does not grow. */
  get bytes() {
    const { memory } = this;
    if (memory.bytes.byteLength === 0) memory.renew();
    return memory.bytes;
  }

  get view() {
    const { memory } = this;
    if (memory.bytes.byteLength === 0) memory.renew();
    return memory.view;
  }

  /** The bytes there, which must be aligned and within the memory. */
  slice(pointer, length, alignment) {
    const start = pointer >>> 0;
    const { bytes } = this;
    if (start % alignment !== 0) throw new Trap("a pointer is not aligned");
    if (start + length > bytes.byteLength) throw new Trap("a pointer is out of bounds of memory");
    return bytes.subarray(start, start + length);
  }

  /** New memory of the component's. */
  allocate(length, alignment) {
    const pointer = this.instance.hold(this.store.reallocs[this.#realloc], 0, 0, alignment, length) >>> 0;
    if (pointer % alignment !== 0) throw new Trap("realloc gave memory that is not aligned");
    if (pointer + length > this.bytes.byteLength) throw new Trap("realloc gave memory that is out of bounds");
    return pointer;
  }

  /** As `slice`, of bytes that the host keeps. */
  take(pointer, length, alignment) {
    this.store.spend(length);
    return this.slice(pointer, length, alignment);
  }

  /** Puts bytes into new memory. */
  put(bytes, alignment) {
    const pointer = this.allocate(bytes.length, alignment);
    this.bytes.set(bytes, pointer);
    return pointer;
  }
}
