// URL and URLSearchParams for http and https, which QuickJS has not. A complete parser reads URLs
// character by character, which an interpreter does slowly; this one uses one regular expression.

const URL_SHAPE = /^(https?):\/\/(?:([^/?#@]*)@)?(\[[0-9a-f:.]+\]|[^/?#:@\s]+)(?::(\d*))?([^?#]*)(\?[^#]*)?(#.*)?$/i;
const PORTS = { "http:": "80", "https:": "443" };

export class URL {
  #params;

  constructor(url, base) {
    const text = String(url).trim();
    let match = URL_SHAPE.exec(text);
    if (!match && base !== undefined) match = URL_SHAPE.exec(resolve(text, new URL(base)));
    if (!match) throw new TypeError(`not an http or https URL: ${text}`);
    const [, scheme, user = "", host, port = "", path, search = "", hash = ""] = match;
    this.protocol = `${scheme.toLowerCase()}:`;
    [this.username, this.password = ""] = user.split(":", 2);
    this.hostname = host.toLowerCase();
    this.port = port === PORTS[this.protocol] ? "" : port;
    if (Number(this.port) > 65535) throw new TypeError(`not a port: ${port}`);
    this.pathname = withoutDots(escaped(path || "/"));
    this.search = search === "?" ? "" : escaped(search);
    this.hash = hash === "#" ? "" : escaped(hash);
  }

  static canParse(url, base) {
    return URL.parse(url, base) !== null;
  }

  static parse(url, base) {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }

  get host() {
    return this.port ? `${this.hostname}:${this.port}` : this.hostname;
  }

  get origin() {
    return `${this.protocol}//${this.host}`;
  }

  get searchParams() {
    this.#params ??= new URLSearchParams(this.search, (search) => {
      this.search = search && `?${search}`;
    });
    return this.#params;
  }

  get href() {
    const password = this.password && `:${this.password}`;
    const user = this.username || password ? `${this.username}${password}@` : "";
    return `${this.protocol}//${user}${this.host}${this.pathname}${this.search}${this.hash}`;
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }
}

function resolve(text, base) {
  if (text.startsWith("//")) return base.protocol + text;
  if (text.startsWith("/")) return base.origin + text;
  if (text.startsWith("?")) return base.origin + base.pathname + text;
  if (text.startsWith("#")) return base.origin + base.pathname + base.search + text;
  if (text === "") return base.origin + base.pathname + base.search;
  // Of another scheme.
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return text;
  return base.origin + base.pathname.replace(/[^/]*$/, "") + text;
}

/** What may not stand in a URL as it is, percent-encoded. */
function escaped(text) {
  if (!/[^\x21\x23-\x3b\x3d\x3f-\x7e]/.test(text)) return text;
  return text.replace(/[^\x21\x23-\x3b\x3d\x3f-\x7e]+/g, encodeURIComponent);
}

function withoutDots(path) {
  if (!/\/\.\.?(\/|$)/.test(path)) return path;
  const kept = [];
  const parts = path.split("/").slice(1);
  parts.forEach((part, at) => {
    const isLast = at === parts.length - 1;
    if (part === "..") kept.pop();
    else if (part !== ".") kept.push(part);
    if (isLast && (part === "." || part === "..")) kept.push("");
  });
  return `/${kept.join("/")}`;
}

export class URLSearchParams {
  #pairs = [];
  #changed;

  constructor(init = "", changed = () => {}) {
    this.#changed = changed;
    if (typeof init === "string") {
      for (const pair of init.replace(/^\?/, "").split("&")) {
        if (pair === "") continue;
        const at = pair.indexOf("=");
        const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
        this.#pairs.push([decoded(name), decoded(value)]);
      }
    } else {
      const pairs = Symbol.iterator in Object(init) ? init : Object.entries(init);
      for (const [name, value] of pairs) this.#pairs.push([String(name), String(value)]);
    }
  }

  get size() {
    return this.#pairs.length;
  }

  get(name) {
    return this.#pairs.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(name) {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  has(name) {
    return this.#pairs.some(([key]) => key === name);
  }

  append(name, value) {
    this.#pairs.push([String(name), String(value)]);
    this.#changed(this.toString());
  }

  set(name, value) {
    const at = this.#pairs.findIndex(([key]) => key === name);
    this.#pairs = this.#pairs.filter(([key], index) => key !== name || index === at);
    if (at < 0) this.#pairs.push([String(name), String(value)]);
    else this.#pairs[at][1] = String(value);
    this.#changed(this.toString());
  }

  delete(name) {
    this.#pairs = this.#pairs.filter(([key]) => key !== name);
    this.#changed(this.toString());
  }

  sort() {
    this.#pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    this.#changed(this.toString());
  }

  forEach(callback, thisArg) {
    for (const [name, value] of this.#pairs) callback.call(thisArg, value, name, this);
  }

  *keys() {
    for (const [name] of this.#pairs) yield name;
  }

  *values() {
    for (const [, value] of this.#pairs) yield value;
  }

  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    const encoded = (text) => encodeURIComponent(text).replace(/%20/g, "+").replace(/[!'()~]/g, percent);
    return this.#pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
  }
}

const percent = (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** What a form encoded; what is no UTF-8 in it stands for itself, as browsers have it. */
function decoded(text) {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    const bytes = [];
    const utf8 = new TextEncoder().encode(spaced);
    for (let at = 0; at < utf8.length; at++) {
      const digits = String.fromCharCode(utf8[at + 1], utf8[at + 2]);
      if (utf8[at] === 0x25 && /^[0-9a-f]{2}$/i.test(digits)) {
        bytes.push(parseInt(digits, 16));
        at += 2;
      } else {
        bytes.push(utf8[at]);
      }
    }
    return new TextDecoder().decode(new Uint8Array(bytes));
  }
}
