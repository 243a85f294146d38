// `wasi:http@0.3`: the resources of `types`, and requests and responses between the platform's form and theirs.

import { drop, reader, source } from "./bytes.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const OK = { tag: "ok", val: undefined };
const METHODS = new Set(["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"]);
/** Headers that belong to a connection, and not to a guest: those that wasmtime forbids as well. */
const FORBIDDEN = new Set([
  "connection", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
  "transfer-encoding", "upgrade",
]);
/** RFC 9110 section 5.6.2: a token. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What may stand between a URL's slashes and its path (RFC 3986 section 3.2), without a user: anything else might end the host before its end. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?$/;
/** Statuses whose responses have no body (Fetch, "null body status"). */
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304]);

const PORT_MAX = 65535;
const URI_INVALID = { tag: "HTTP-request-URI-invalid" };

/** An error of WIT: what a guest gets as the `err` of a result. */
export class WitError extends Error {
  constructor(payload) {
    super(typeof payload === "string" ? payload : payload?.tag);
    this.payload = payload;
  }
}
export const internalError = (error) => ({ tag: "internal-error", val: error instanceof Error ? error.message : String(error) });

/** Headers or trailers of either version: names in lower case with their values, in order. */
export class Fields {
  #entries = [];
  #immutable = false;

  static fromList(entries) {
    const fields = new Fields();
    for (const [name, value] of entries) fields.append(name, value);
    return fields;
  }
  /** Fields that the host has made, which a guest may only read; what belongs to the connection is left out. */
  static received(entries) {
    const fields = new Fields();
    for (const [name, value] of entries) if (!FORBIDDEN.has(name)) fields.#entries.push([name, encoder.encode(value)]);
    return fields.freeze();
  }
  freeze() {
    this.#immutable = true;
    return this;
  }
  get(name) {
    const key = name.toLowerCase();
    return this.#entries.filter(([other]) => other === key).map(([, value]) => value);
  }
  has(name) {
    const key = name.toLowerCase();
    return NAME.test(name) && this.#entries.some(([other]) => other === key);
  }
  set(name, values) {
    const key = this.#writable(name, values);
    this.#entries = this.#entries.filter(([other]) => other !== key);
    for (const value of values) this.#entries.push([key, value.slice()]);
  }
  append(name, value) {
    this.#entries.push([this.#writable(name, [value]), value.slice()]);
  }
  delete(name) {
    const key = this.#writable(name, []);
    this.#entries = this.#entries.filter(([other]) => other !== key);
  }
  getAndDelete(name) {
    const values = this.get(name);
    this.delete(name);
    return values;
  }
  copyAll() {
    return this.#entries.map(([name, value]) => [name, value.slice()]);
  }
  /** The name of `copyAll` in 0.2. */
  entries() { return this.copyAll(); }
  clone() {
    const fields = new Fields();
    fields.#entries = this.copyAll();
    return fields;
  }
  /** As the platform takes them. */
  toHeaders() {
    const headers = new Headers();
    for (const [name, value] of this.#entries) headers.append(name, decoder.decode(value));
    return headers;
  }
  #writable(name, values) {
    if (this.#immutable) throw new WitError({ tag: "immutable" });
    if (!NAME.test(name) || values.some((value) => value.some((byte) => byte === 0 || byte === 10 || byte === 13))) {
      throw new WitError({ tag: "invalid-syntax" });
    }
    const key = name.toLowerCase();
    if (FORBIDDEN.has(key)) throw new WitError({ tag: "forbidden" });
    return key;
  }
}

/** The length that headers announce, where they do. */
export function announcedLength(fields) {
  const [value] = fields.get("content-length");
  return value && Number(decoder.decode(value));
}

/** How long to wait for what, in nanoseconds; the getters of 0.2 have shorter names. */
export class RequestOptions {
  #times = {};
  #immutable = false;
  freeze() {
    this.#immutable = true;
    return this;
  }
  connectTimeout() { return this.#times.connect; }
  firstByteTimeout() { return this.#times.firstByte; }
  betweenBytesTimeout() { return this.#times.betweenBytes; }
  getConnectTimeout() { return this.#times.connect; }
  setConnectTimeout(time) { this.#set("connect", time); }
  getFirstByteTimeout() { return this.#times.firstByte; }
  setFirstByteTimeout(time) { this.#set("firstByte", time); }
  getBetweenBytesTimeout() { return this.#times.betweenBytes; }
  setBetweenBytesTimeout(time) { this.#set("betweenBytes", time); }
  clone() {
    const options = new RequestOptions();
    options.#times = { ...this.#times };
    return options;
  }
  #set(key, time) {
    if (this.#immutable) throw new WitError({ tag: "immutable" });
    this.#times[key] = time;
  }
}

/** What requests and responses have in common: headers, a body, and trailers that end it. */
class Message {
  #headers;
  #contents;
  #trailers;
  /** Tells whoever made the message how its sending ended. */
  sent;
  constructor(headers, contents, trailers) {
    this.#headers = headers.freeze();
    this.#contents = contents;
    this.#trailers = Promise.resolve(trailers);
    this.#trailers.catch(() => {});
  }
  getHeaders() { return this.#headers; }
  /** Adds a body to a message that was made without one, as those of 0.2 are. */
  give(contents, trailers) {
    this.#contents = contents;
    this.#trailers = trailers;
  }
  /** The body and the trailers, which can be taken once. */
  take() {
    const taken = [this.#contents, this.#trailers];
    this.#contents = undefined;
    return taken;
  }
  static consumeBody(message, result) {
    Promise.resolve(result).catch(() => {});
    const [contents, trailers] = message.take();
    return [contents ?? source(async () => null), trailers];
  }
}

export class Request extends Message {
  #method = { tag: "get" };
  #path;
  #scheme;
  #authority;
  #options;

  static new(headers, contents, trailers, options) {
    const request = new Request(headers, contents, trailers);
    request.#options = options?.freeze();
    return [request, new Promise((resolve) => (request.sent = resolve))];
  }
  /** The request that a client has sent. `body` gives its bytes, or `undefined` where it has none; `end` is the future of its trailers. */
  static received(platform, body, end) {
    const url = new URL(platform.url);
    const contents = body && source(body.read, body.leave);
    const request = new Request(Fields.received(platform.headers), contents, end);
    const method = platform.method.toLowerCase();
    request.#method = METHODS.has(method) ? { tag: method } : { tag: "other", val: platform.method };
    // The text as it was sent: `URL` would write some of it anew.
    const path = platform.url.indexOf("/", url.protocol.length + 2);
    request.#path = path < 0 ? "/" : platform.url.slice(path);
    request.#scheme = { tag: url.protocol === "https:" ? "HTTPS" : "HTTP" };
    request.#authority = platform.headers.get("host") ?? url.host;
    return request;
  }
  getMethod() { return this.#method; }
  setMethod(method) {
    if (method.tag === "other" && !NAME.test(method.val)) throw new WitError(undefined);
    this.#method = method;
  }
  getPathWithQuery() { return this.#path; }
  setPathWithQuery(path) {
    // Behind an authority a path is empty or begins like this: otherwise its first letters would be the host's last.
    if (path !== undefined && !/^(?:$|[/?])[^\s\u0000-\u001f]*$/.test(path)) throw new WitError(undefined);
    this.#path = path;
  }
  getScheme() { return this.#scheme; }
  setScheme(scheme) { this.#scheme = scheme; }
  getAuthority() { return this.#authority; }
  setAuthority(authority) {
    if (authority !== undefined) {
      const port = AUTHORITY.exec(authority)?.[1];
      if (!AUTHORITY.test(authority) || Number(port ?? 0) > PORT_MAX) throw new WitError(undefined);
    }
    this.#authority = authority;
  }
  getOptions() { return this.#options; }
  /**
   * As a URL, whose host is to be judged before anything is sent to it: it may be spelled in another way than the authority.
   * @param {string} [authority] the one of a request that has none
   * @throws {WitError} an error code, where it is none
   */
  url(authority = this.#authority, path = this.#path) {
    const scheme = this.#scheme?.tag ?? "HTTPS";
    if (scheme === "other") throw new WitError({ tag: "HTTP-protocol-error" });
    if (authority === undefined || path === undefined) throw new WitError(URI_INVALID);
    let url;
    try {
      url = new URL(`${scheme.toLowerCase()}://${authority}${path}`);
    } catch {
      throw new WitError(URI_INVALID);
    }
    if (url.username !== "" || url.password !== "") throw new WitError(URI_INVALID);
    return url;
  }
  /** As the platform spells the method. */
  method() {
    return this.#method.tag === "other" ? this.#method.val : this.#method.tag.toUpperCase();
  }
}

export class Response extends Message {
  #status = 200;

  static new(headers, contents, trailers) {
    const response = new Response(headers, contents, trailers);
    return [response, new Promise((resolve) => (response.sent = resolve))];
  }
  getStatusCode() { return this.#status; }
  setStatusCode(status) {
    if (status < 100 || status > 599) throw new WitError(undefined);
    this.#status = status;
  }
  /** With a status that another origin gave, or a guest of 0.2, which may be any number of three digits. */
  withStatus(status) {
    this.#status = status;
    return this;
  }
}

const TYPES = { Fields, Request, RequestOptions, Response };
/** `wasi:http/types@0.3`. */
export const httpTypes = () => TYPES;

/**
 * A response of a component as one of the platform, as soon as its first bytes are there.
 *
 * @param {Response} response
 * @param {{ bytesMax: number, chunk: <T>(next: Promise<T>) => Promise<T>, done: () => void, broken: (error: unknown) => void }} exchange
 *   the bound of the body; what bounds the wait for a chunk; and who is told of the end
 */
export async function toPlatform(response, exchange) {
  const status = response.getStatusCode();
  const [contents, trailers] = response.take();
  if (status < 200 || status > 599) {
    drop(contents);
    throw new Error(`the status ${status} is none of a response`);
  }
  const headers = response.getHeaders().toHeaders();
  if (WITHOUT_BODY.has(status) || contents === undefined) {
    drop(contents);
    const body = contents === undefined && !WITHOUT_BODY.has(status) ? new Uint8Array(0) : null;
    if (body === null) headers.delete("content-length");
    response.sent(OK);
    exchange.done();
    return new globalThis.Response(body, { status, headers });
  }
  const announced = announcedLength(response.getHeaders());
  const body = new Body(contents, trailers, announced, response, exchange);
  const first = await body.next();
  // A body that is whole already needs no stream.
  if (first === null || (first.length === announced && announced > 0)) {
    if (first !== null) await soon(body.finish());
    return new globalThis.Response(first ?? new Uint8Array(0), { status, headers });
  }
  return new globalThis.Response(body.stream(first), { status, headers });
}

/**
 * Waits for what needs few turns of the event loop, and no longer: a guest that has written all of its body is about to
 * end. A client that has its response asks again, and its next request would be begun before this one is out of the
 * way: with 64 clients, 256 instances lay in memory, and collecting garbage took 40 % of the time.
 */
async function soon(promise) {
  let isDone = false;
  const done = promise.then(() => (isDone = true));
  for (let turn = 0; turn < SOON_TURNS && !isDone; turn++) {
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 0))]);
  }
}

/** How many: a guest that closes its body after it has written it needs two, and one more if it has trailers. */
const SOON_TURNS = 3;

/** The body of a response on its way to a client. */
class Body {
  #read;
  #left;
  #given = 0;
  constructor(contents, trailers, announced, response, exchange) {
    this.contents = contents;
    this.trailers = trailers;
    this.announced = announced;
    this.response = response;
    this.exchange = exchange;
    this.#read = reader(contents);
    this.#left = exchange.bytesMax;
  }
  /** The next bytes, `null` at the end. Throws where the guest breaks the body off, or runs into a bound. */
  async next() {
    const { exchange } = this;
    try {
      let chunk;
      do chunk = await exchange.chunk(this.#read());
      while (chunk !== null && chunk.length === 0);
      if (chunk === null) {
        const end = await exchange.chunk(this.trailers);
        if (end?.tag === "err") throw new Error("the guest broke its body off", { cause: end.val });
        if (this.#given > 0 && this.#given < this.announced) throw new Error("the body is shorter than was announced");
        this.#done();
        return null;
      }
      this.#left -= chunk.length;
      this.#given += chunk.length;
      if (this.#left < 0) throw exchange.tooLarge();
      return chunk;
    } catch (error) {
      this.leave(error);
      // What the guest wrote before is on its way: it is sent first.
      await new Promise((resolve) => setTimeout(resolve, 0));
      throw error;
    }
  }
  /** Reads to the end what has been sent already, so that the guest can finish. */
  async finish() {
    try {
      while ((await this.next()) !== null);
    } catch {
      // It was told of: the client has what was announced.
    }
  }
  /** Tells the guest that nobody reads on. */
  leave(error) {
    drop(this.contents);
    this.response.sent({ tag: "err", val: internalError(error) });
    this.exchange.broken(error);
  }
  #done() {
    this.response.sent(OK);
    this.exchange.done();
  }
  /** A stream of the platform; `first` has been read already. */
  stream(first) {
    const body = this;
    let ready = first;
    const stream = new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const chunk = ready ?? (await body.next());
        ready = null;
        if (chunk !== null) {
          controller.enqueue(chunk);
        } else {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      },
      cancel(reason) {
        body.leave(reason ?? new Error("the client left"));
      },
    });
    // With a length, the platform breaks off what turns out shorter or longer.
    return this.announced === undefined ? stream : stream.pipeThrough(new FixedLengthStream(this.announced));
  }
}
