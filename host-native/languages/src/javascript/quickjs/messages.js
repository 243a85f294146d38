// Headers, Request and Response, as far as a service needs them. A body is a text, bytes, or an
// (async) iterable of bytes; what is read as a stream is an async iterable of `Uint8Array`s.

import { bytesOf } from "./text.js";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export class Headers {
  #lists = new Map();

  constructor(init) {
    if (init === undefined || init === null) return;
    const pairs = Symbol.iterator in Object(init) ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name, value) {
    const key = lowered(name);
    const list = this.#lists.get(key);
    if (list) list.push(checked(value));
    else this.#lists.set(key, [checked(value)]);
  }

  set(name, value) {
    this.#lists.set(lowered(name), [checked(value)]);
  }

  get(name) {
    return this.#lists.get(String(name).toLowerCase())?.join(", ") ?? null;
  }

  getSetCookie() {
    return [...(this.#lists.get("set-cookie") ?? [])];
  }

  has(name) {
    return this.#lists.has(String(name).toLowerCase());
  }

  delete(name) {
    this.#lists.delete(String(name).toLowerCase());
  }

  forEach(callback, thisArg) {
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  *entries() {
    for (const name of [...this.#lists.keys()].sort()) {
      const list = this.#lists.get(name);
      // Cookies cannot share a line.
      if (name === "set-cookie") for (const value of list) yield [name, value];
      else yield [name, list.join(", ")];
    }
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

function lowered(name) {
  const text = String(name);
  if (!TOKEN.test(text)) throw new TypeError(`not a header's name: ${text}`);
  return text.toLowerCase();
}

function checked(value) {
  const text = String(value).trim();
  if (/[\0\r\n]/.test(text)) throw new TypeError("a header's value has no line breaks");
  return text;
}

/** What requests and responses have in common. */
class Message {
  #body;
  #type;
  #isUsed = false;

  /** Takes a body; `type` is the content type that goes with it. */
  _take(body) {
    if (body === undefined || body === null) return;
    if (typeof body === "string") {
      this.#type = "text/plain;charset=UTF-8";
      this.#body = new TextEncoder().encode(body);
    } else if (body instanceof URLSearchParams) {
      this.#type = "application/x-www-form-urlencoded;charset=UTF-8";
      this.#body = new TextEncoder().encode(body.toString());
    } else if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
      this.#body = bytesOf(body);
    } else if (Symbol.asyncIterator in Object(body) || Symbol.iterator in Object(body)) {
      this.#body = body;
    } else {
      throw new TypeError("a body is a string, bytes, URLSearchParams, or an iterable of bytes");
    }
  }

  /** Gives the type its header, where the author gave none. */
  _name(headers) {
    if (this.#type && !headers.has("content-type")) headers.set("content-type", this.#type);
  }

  /** The body, once: null, bytes, or an iterable. */
  _use() {
    if (this.#isUsed) throw new TypeError("the body was read already");
    this.#isUsed = this.#body !== undefined;
    return this.#body ?? null;
  }

  get bodyUsed() {
    return this.#isUsed;
  }

  get body() {
    if (this.#body === undefined) return null;
    const message = this;
    return {
      async *[Symbol.asyncIterator]() {
        const body = message._use();
        if (body instanceof Uint8Array) yield body;
        else yield* body;
      },
    };
  }

  async bytes() {
    const body = this._use();
    if (body === null) return new Uint8Array(0);
    if (body instanceof Uint8Array) return body;
    const pieces = [];
    let length = 0;
    for await (const piece of body) {
      const bytes = bytesOf(piece);
      pieces.push(bytes);
      length += bytes.length;
    }
    if (pieces.length === 1) return pieces[0];
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  async arrayBuffer() {
    const { buffer, byteOffset, byteLength } = await this.bytes();
    return buffer.slice(byteOffset, byteOffset + byteLength);
  }

  async text() {
    return new TextDecoder().decode(await this.bytes());
  }

  async json() {
    return JSON.parse(await this.text());
  }
}

/** A request as the host gave it: `method()`, `url()`, `headers()` and `body`, each read when it is asked for. */
export class Source {
  constructor(parts) {
    Object.assign(this, parts);
  }
}

export class Request extends Message {
  #source;
  #method;
  #url;
  #headers;

  constructor(input, init = {}) {
    super();
    if (input instanceof Source) {
      this.#source = input;
      this._take(input.body);
      return;
    }
    const from = input instanceof Request ? input : undefined;
    this.#url = from ? from.url : new URL(input).href;
    this.#method = normal(init.method ?? from?.method ?? "GET");
    this.#headers = new Headers(init.headers ?? from?.headers);
    const body = init.body ?? from?._use() ?? null;
    if (body !== null && /^(GET|HEAD)$/.test(this.#method)) {
      throw new TypeError(`a ${this.#method} request has no body`);
    }
    this._take(body);
    this._name(this.#headers);
  }

  get method() {
    return (this.#method ??= this.#source.method());
  }

  get url() {
    return (this.#url ??= this.#source.url());
  }

  get headers() {
    return (this.#headers ??= new Headers(this.#source.headers()));
  }
}

/** The six methods whose case does not matter. */
function normal(method) {
  const upper = String(method).toUpperCase();
  return /^(DELETE|GET|HEAD|OPTIONS|POST|PUT)$/.test(upper) ? upper : String(method);
}

export class Response extends Message {
  constructor(body, { status = 200, statusText = "", headers } = {}) {
    super();
    if (!(status >= 200 && status <= 599)) {
      throw new RangeError(`a status is between 200 and 599, not ${status}`);
    }
    this.status = status;
    this.statusText = statusText;
    this.headers = new Headers(headers);
    if (body !== undefined && body !== null && [204, 205, 304].includes(status)) {
      throw new TypeError(`a response with status ${status} has no body`);
    }
    this._take(body);
    this._name(this.headers);
  }

  get ok() {
    return this.status >= 200 && this.status <= 299;
  }

  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(JSON.stringify(value), { ...init, headers });
  }

  static redirect(url, status = 302) {
    return new Response(null, { status, headers: { location: String(url) } });
  }
}
