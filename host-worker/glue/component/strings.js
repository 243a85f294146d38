// Strings in the memory of a component (Canonical ABI, "Loading" and "Storing"), and between two memories.

import { Trap } from "./trap.js";

const decoders = {
  utf8: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
  utf16: new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }),
};
const encoder = new TextEncoder();
/** What short texts are encoded into, before it is known how much memory they take. */
const scratch = new Uint8Array(4096);
/** Of a length in the encoding `latin1+utf16`: that the text is in UTF-16. Source: Canonical ABI, `UTF16_TAG`. */
const UTF16_TAG = 0x80000000;

function decode(encoding, bytes) {
  try {
    return decoders[encoding].decode(bytes);
  } catch {
    throw new Trap(`a string is not valid ${encoding}`);
  }
}

/** @param {import("./side.js").Side} side */
export function loadString(side, pointer, length) {
  if (side.encoding === "utf8") return decode("utf8", side.take(pointer, length, 1));
  if (side.encoding === "utf16") return decode("utf16", side.take(pointer, length * 2, 2));
  if ((length & UTF16_TAG) !== 0) return decode("utf16", side.take(pointer, (length ^ UTF16_TAG) * 2, 2));
  return latin1(side.take(pointer, length, 2));
}

function latin1(bytes) {
  const units = new Uint8Array(bytes.length * 2);
  for (let at = 0; at < bytes.length; at++) units[2 * at] = bytes[at];
  return decoders.utf16.decode(units);
}

/** Puts a text into memory; gives the pointer and the length. */
export function storeString(side, value) {
  const text = String(value);
  if (side.encoding === "utf8") {
    const bytes = text.length * 3 <= scratch.length ? scratch.subarray(0, encoder.encodeInto(text, scratch).written) : encoder.encode(text);
    return [side.put(bytes, 1), bytes.length];
  }
  if (side.encoding === "utf16") return [side.put(utf16(text), 2), text.length];
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0xff) return [side.put(utf16(text), 2), (text.length | UTF16_TAG) >>> 0];
  }
  return [side.put(Uint8Array.from(text, (letter) => letter.charCodeAt(0)), 2), text.length];
}

function utf16(text) {
  const well = text.toWellFormed();
  const bytes = new Uint8Array(well.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < well.length; at++) view.setUint16(at * 2, well.charCodeAt(at), true);
  return bytes;
}

/** How many letters are in Latin-1 before the first that is not. */
function latin1Letters(text) {
  let at = 0;
  while (at < text.length && text.charCodeAt(at) <= 0xff) at++;
  return at;
}
const toLatin1 = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const bytesOf = (memory, pointer, length) => new Uint8Array(memory.buffer, pointer >>> 0, length >>> 0);

/**
 * What adapters call to carry strings from one memory to another. Their parameters and results are those of the
 * functions of the same names that Wasmtime gives its adapters (wasmtime 48, `vm/component/libcalls.rs`).
 */
export const TRANSCODERS = {
  "utf8-to-utf8": (from, to) => (source, length, target) => {
    const bytes = bytesOf(from, source, length);
    decode("utf8", bytes);
    bytesOf(to, target, length).set(bytes);
  },
  "utf16-to-utf16": (from, to) => (source, length, target) => {
    const bytes = bytesOf(from, source, 2 * length);
    decode("utf16", bytes);
    bytesOf(to, target, 2 * length).set(bytes);
  },
  "latin1-to-latin1": (from, to) => (source, length, target) => bytesOf(to, target, length).set(bytesOf(from, source, length)),
  "latin1-to-utf16": (from, to) => (source, length, target) => bytesOf(to, target, 2 * length).set(utf16(latin1(bytesOf(from, source, length)))),
  "utf8-to-utf16": (from, to) => (source, length, target) => {
    const bytes = utf16(decode("utf8", bytesOf(from, source, length)));
    bytesOf(to, target, bytes.length).set(bytes);
    return bytes.length / 2;
  },
  /** Gives how many units were read, and how many bytes written; what does not fit is left for a second pass. */
  "utf16-to-utf8": (from, to) => (source, length, target, room) => {
    const text = decode("utf16", bytesOf(from, source, 2 * length));
    const { read, written } = encoder.encodeInto(text, bytesOf(to, target, room));
    return [read, written];
  },
  "latin1-to-utf8": (from, to) => (source, length, target, room) => {
    const { read, written } = encoder.encodeInto(latin1(bytesOf(from, source, length)), bytesOf(to, target, room));
    return [read, written];
  },
  "utf16-to-compact-probably-utf16": (from, to) => (source, length, target) => {
    const bytes = bytesOf(from, source, 2 * length);
    const text = decode("utf16", bytes);
    if (latin1Letters(text) === text.length) {
      bytesOf(to, target, text.length).set(toLatin1(text));
      return text.length;
    }
    bytesOf(to, target, bytes.length).set(bytes);
    return (text.length | UTF16_TAG) >>> 0;
  },
  "utf8-to-latin1": (from, to) => (source, length, target) => {
    const bytes = bytesOf(from, source, length);
    const text = decode("utf8", bytes);
    const letters = text.slice(0, latin1Letters(text));
    bytesOf(to, target, letters.length).set(toLatin1(letters));
    return [encoder.encode(letters).length, letters.length];
  },
  "utf16-to-latin1": (from, to) => (source, length, target) => {
    const [units, letters] = [bytesOf(from, source, 2 * length), bytesOf(to, target, length)];
    let count = 0;
    while (count < letters.length && units[2 * count + 1] === 0) letters[count] = units[2 * count++];
    return [count, count];
  },
  /** The first letters lie in Latin-1 at the target already, and are made UTF-16. */
  "utf8-to-compact-utf16": (from, to) => (source, length, target, _room, before) => widen(to, target, before, utf16(decode("utf8", bytesOf(from, source, length)))),
  "utf16-to-compact-utf16": (from, to) => (source, length, target, _room, before) => {
    const bytes = bytesOf(from, source, 2 * length);
    decode("utf16", bytes);
    return widen(to, target, before, bytes);
  },
};

function widen(to, target, before, rest) {
  const first = utf16(latin1(bytesOf(to, target, before)));
  bytesOf(to, target, first.length).set(first);
  bytesOf(to, target + first.length, rest.length).set(rest);
  return before + rest.length / 2;
}
