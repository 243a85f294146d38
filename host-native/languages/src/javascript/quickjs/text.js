// TextEncoder and TextDecoder, which QuickJS has not. UTF-8 alone.

const REPLACEMENT = 0xfffd;
// More arguments than this are more than a call takes.
const PIECE = 4096;

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    text = String(text);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) return encodeFrom(text, bytes, at);
      bytes[at] = unit;
    }
    return bytes;
  }
}

/** Goes on where the first character stands that is not of one byte. */
function encodeFrom(text, ascii, from) {
  const bytes = new Uint8Array(from + (text.length - from) * 3);
  bytes.set(ascii.subarray(0, from));
  let length = from;
  for (let at = from; at < text.length; at++) {
    let point = text.codePointAt(at);
    if (point > 0xffff) at++;
    else if (point >= 0xd800 && point <= 0xdfff) point = REPLACEMENT;
    if (point < 0x80) {
      bytes[length++] = point;
    } else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.slice(0, length);
}

export class TextDecoder {
  #fatal;
  #keepsMark;

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(unicode-1-1-)?utf-?8\s*$/i.test(label)) {
      throw new RangeError(`this engine decodes utf-8 alone, not ${label}`);
    }
    this.#fatal = fatal;
    this.#keepsMark = ignoreBOM;
  }

  get encoding() {
    return "utf-8";
  }

  decode(input = new Uint8Array(0)) {
    const bytes = bytesOf(input);
    let text = "";
    let units = [];
    let at = 0;
    const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    if (isMarked && !this.#keepsMark) at = 3;
    while (at < bytes.length) {
      const first = bytes[at];
      if (first < 0x80) {
        units.push(first);
        at++;
      } else {
        const [point, length] = character(bytes, at);
        if (point < 0) {
          if (this.#fatal) throw new TypeError("the bytes are not UTF-8");
          units.push(REPLACEMENT);
        } else if (point > 0xffff) {
          units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
        } else {
          units.push(point);
        }
        at += length;
      }
      if (units.length >= PIECE) {
        text += String.fromCharCode.apply(null, units);
        units = [];
      }
    }
    return text + String.fromCharCode.apply(null, units);
  }
}

/** The character of more than one byte at `at` and its length; -1 and what to skip where there is none. */
function character(bytes, at) {
  const first = bytes[at];
  let more, point;
  // The bounds of the second byte keep out what is longer than needed, surrogates, and what is too large.
  let low = 0x80;
  let high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    more = 1;
    point = first & 0x1f;
  } else if (first >= 0xe0 && first <= 0xef) {
    more = 2;
    point = first & 0x0f;
    if (first === 0xe0) low = 0xa0;
    if (first === 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    more = 3;
    point = first & 0x07;
    if (first === 0xf0) low = 0x90;
    if (first === 0xf4) high = 0x8f;
  } else {
    return [-1, 1];
  }
  for (let next = 1; next <= more; next++) {
    const byte = bytes[at + next];
    if (byte === undefined || byte < low || byte > high) return [-1, next];
    low = 0x80;
    high = 0xbf;
    point = (point << 6) | (byte & 0x3f);
  }
  return [point, more + 1];
}

/** Any buffer as bytes. */
export function bytesOf(input) {
  if (input instanceof Uint8Array) return input;
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (ArrayBuffer.isView(input)) {
    return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  }
  throw new TypeError("bytes are an ArrayBuffer or a view of one");
}
