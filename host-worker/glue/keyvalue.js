// `selvedge:keyvalue/store` on KV namespaces.

import { keyvalueCursor, keyvalueKey, keyvalueOpen, keyvaluePage, keyvalueResume, keyvalueSet } from "./host.js";
import { WitError } from "./http.js";

/** What the platform answers to a failure of its own; the cause is for the log. */
async function use(instance, act) {
  instance.alive();
  try {
    return await act();
  } catch (error) {
    if (/cursor/i.test(error.message)) {
      throw new WitError({ tag: "invalid-argument", val: "the cursor is not one that a listing with this prefix gave" });
    }
    if (/metadata/i.test(error.message)) {
      throw new WitError({ tag: "too-large", val: "the metadata, as the platform writes it, is over 1024 bytes" });
    }
    console.error(JSON.stringify({ level: "ERROR", message: "key-value storage failed", cause: String(error.message) }));
    throw new WitError({ tag: "unavailable", val: "the store cannot be used right now, try again later" });
  }
}

// The platform keeps metadata as JSON. Text stands there as it is; other bytes by their hexadecimal digits.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
function toMetadata(bytes) {
  if (bytes === undefined) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return { hex: [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  }
}
function fromMetadata(metadata) {
  if (metadata === null || metadata === undefined) return undefined;
  if (typeof metadata === "string") return encoder.encode(metadata);
  if (typeof metadata.hex === "string") return Uint8Array.from(metadata.hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  return encoder.encode(JSON.stringify(metadata));
}

/** An open store; `wasi:keyvalue` stands on it, too. */
export class Store {
  #instance;
  #namespace;
  constructor(instance, name) {
    this.#instance = instance;
    this.#namespace = instance.env[keyvalueOpen(instance.composition.index, name)];
  }
  async get(key) {
    return (await this.entry(key))?.value;
  }
  async entry(key) {
    keyvalueKey(key);
    const { value, metadata } = await use(this.#instance, () => this.#namespace.getWithMetadata(key, "arrayBuffer"));
    return value === null ? undefined : { value: new Uint8Array(value), metadata: fromMetadata(metadata) };
  }
  async set(key, value, options = {}) {
    const { ttlSeconds, metadata } = options;
    keyvalueSet(key, value.length, ttlSeconds, metadata?.length ?? 0);
    const expirationTtl = ttlSeconds === undefined ? undefined : Number(ttlSeconds);
    await use(this.#instance, () => this.#namespace.put(key, value, { expirationTtl, metadata: toMetadata(metadata) }));
  }
  async delete(key) {
    keyvalueKey(key);
    await use(this.#instance, () => this.#namespace.delete(key));
  }
  async list(prefix, cursor, limit) {
    const page = keyvaluePage(limit);
    const from = cursor === undefined ? undefined : keyvalueResume(prefix, cursor);
    const found = await use(this.#instance, () => this.#namespace.list({ prefix, cursor: from, limit: page }));
    const keys = found.keys.map(({ name, expiration, metadata }) => ({
      name,
      expiresAt: expiration === undefined ? undefined : BigInt(expiration),
      metadata: fromMetadata(metadata),
    }));
    return { keys, cursor: found.list_complete ? undefined : keyvalueCursor(prefix, found.cursor) };
  }
}

class Bucket {
  #store;
  constructor(store) {
    this.#store = store;
  }
  get(key) { return this.#store.get(key); }
  getWithMetadata(key) { return this.#store.entry(key); }
  set(key, value, options) { return this.#store.set(key, value, options); }
  delete(key) { return this.#store.delete(key); }
  list(prefix, cursor, limit) { return this.#store.list(prefix, cursor, limit); }
}

export const keyvalue = (instance) => ({ Bucket, open: async (name) => new Bucket(new Store(instance, name)) });
