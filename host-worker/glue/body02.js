// A body that a guest of WASI 0.2 writes: bytes from its stream to whoever sends them on.

import { source } from "./bytes.js";
import { WitError } from "./http.js";
import { OutputStream, ROOM_BYTES } from "./io.js";

/** As it is written, and as it is read: `contents` and `trailers` are those of a message of 0.3. */
export class Body {
  /** Bytes that were written and not yet read. */
  #chunks = [];
  #waiting = 0;
  #written = 0;
  #announced;
  #sizeError;
  #streamed = false;
  #finished = false;
  /** Set when nobody reads any more. */
  #left = false;
  /** Wake who waits for bytes, and for room. */
  #arrived;
  #roomMade;
  #tellTrailers;

  /**
   * @param {number | undefined} announced the length that the body is held to
   * @param {string} sizeError the error code where it is not as long
   */
  constructor(announced, sizeError) {
    this.#sizeError = sizeError;
    this.#announced = announced;
    this.trailers = new Promise((resolve) => (this.#tellTrailers = resolve));
    this.contents = source(() => this.#read(), () => this.#leave());
  }

  /** The stream to write to, once. */
  stream() {
    if (this.#streamed) throw new WitError(undefined);
    this.#streamed = true;
    return new OutputStream((bytes) => this.#write(bytes));
  }

  /** Ends the body as whole; throws where it is not as long as announced. */
  finish(trailers) {
    if (this.#announced !== undefined && this.#written !== this.#announced) {
      this.breakOff();
      throw this.#wrongSize();
    }
    this.#end({ tag: "ok", val: trailers });
  }

  /** Ends the body as one that is not whole. */
  breakOff() {
    this.#end({ tag: "err", val: { tag: "HTTP-protocol-error" } });
  }

  #wrongSize() {
    return new WitError({ tag: this.#sizeError, val: BigInt(this.#written) });
  }

  #end(how) {
    this.#finished = true;
    this.#tellTrailers(how);
    this.#arrived?.();
  }

  #write(bytes) {
    // `null`: the stream is closed, since there is nobody who reads.
    if (this.#left) throw null;
    if (bytes.length === 0) return undefined;
    this.#written += bytes.length;
    if (this.#announced !== undefined && this.#written > this.#announced) {
      throw this.#wrongSize();
    }
    this.#chunks.push(bytes);
    this.#waiting += bytes.length;
    this.#arrived?.();
    if (this.#waiting < ROOM_BYTES) return undefined;
    return new Promise((resolve, reject) => {
      this.#roomMade = () => (this.#left ? reject(null) : resolve());
    });
  }

  async #read() {
    while (this.#chunks.length === 0) {
      if (this.#finished) return null;
      await new Promise((resolve) => (this.#arrived = resolve));
    }
    const chunk = this.#chunks.shift();
    this.#waiting -= chunk.length;
    this.#roomMade?.();
    return chunk;
  }

  #leave() {
    this.#left = true;
    this.#chunks = [];
    this.#roomMade?.();
  }
}
