// Bytes between the platform's streams and those of components.

import { Bound, bounded } from "./bound.js";
import { StreamReader } from "./component/streams.js";

/** Most bytes that are asked of a component's stream at once. */
const CHUNK_BYTES = 65536;

/**
 * A function that gives the next bytes of a stream that a component has given, or `null` at its end.
 * @param {object | undefined} stream a stream of the component's, or one that the host made and the guest hands on
 * @returns {() => Promise<Uint8Array | null>}
 */
export function reader(stream) {
  if (stream === undefined) return async () => null;
  if (stream instanceof StreamReader) return () => stream.read(CHUNK_BYTES);
  const iterator = stream[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    return done ? null : value;
  };
}

/**
 * Reads a stream of the platform: `read` gives `{ done, value }`. Left to itself, the platform gives 4 KiB at a time.
 * @param {ReadableStream<Uint8Array>} stream
 */
export function platformReader(stream) {
  const reader = stream.getReader({ mode: "byob" });
  return { read: () => reader.read(new Uint8Array(CHUNK_BYTES)), cancel: () => reader.cancel() };
}

/** Tells a stream that a component has given that nobody reads on. */
export function drop(stream) {
  const dispose = stream?.[Symbol.dispose] ?? stream?.return;
  dispose?.call(stream);
}

/**
 * A stream for a component, from a function that gives the next bytes; the component sees its end where that
 * gives `null` or throws.
 * @param {() => Promise<Uint8Array | null>} read
 * @param {() => void} [leave] called when the component reads no further
 */
export function source(read, leave) {
  let ended = false;
  const end = () => {
    if (!ended) leave?.();
    ended = true;
    return { done: true, value: undefined };
  };
  const iterator = {
    async next() {
      if (ended) return end();
      try {
        const value = await read();
        if (value !== null) return { done: false, value };
      } catch {
        // The reason is in the future that goes with the stream.
      }
      ended = true;
      return { done: true, value: undefined };
    },
    async return() {
      return end();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

const OK = { tag: "ok", val: undefined };
/** The error code of a wait that was too long. */
export const READ_TIMEOUT = { tag: "connection-read-timeout" };

/**
 * A body of the platform's for a component: its bytes, and the future of its trailers, of which the platform has none.
 * @param {ReadableStream | null} stream
 * @param {object} broken the error code of a body that breaks off
 * @param {number} [waitMs] the most to wait for a piece of it
 * @returns {{ body: { read: () => Promise<Uint8Array | null>, leave: () => void } | undefined, end: Promise<object> }}
 */
export function incoming(stream, broken, waitMs) {
  if (stream === null) return { body: undefined, end: Promise.resolve(OK) };
  let tell;
  const end = new Promise((resolve) => (tell = resolve));
  const bytes = platformReader(stream);
  const body = {
    async read() {
      try {
        const { value, done } = await (waitMs === undefined ? bytes.read() : bounded(waitMs, bytes.read()));
        if (!done) return value;
        tell(OK);
      } catch (error) {
        // Why it broke off is for whoever sent it; the guest learns that it did.
        tell({ tag: "err", val: error instanceof Bound ? READ_TIMEOUT : broken });
      }
      return null;
    },
    leave() {
      tell(OK);
      bytes.cancel().catch(() => {});
    },
  };
  return { body, end };
}
