// `wasi:keyvalue@0.2.0-draft` on the same stores as `selvedge:keyvalue`.

import { WitError } from "./http.js";
import { Store } from "./keyvalue.js";

/** The draft knows fewer errors. */
async function draft(act) {
  try {
    return await act();
  } catch (error) {
    const { tag, val } = error.payload ?? {};
    if (tag === undefined || tag === "no-such-store" || tag === "access-denied") throw error;
    throw new WitError({ tag: "other", val: val ?? tag });
  }
}

class Bucket {
  constructor(store) {
    this.store = store;
  }
  get(key) { return draft(() => this.store.get(key)); }
  set(key, value) { return draft(() => this.store.set(key, value)); }
  delete(key) { return draft(() => this.store.delete(key)); }
  exists(key) { return draft(async () => (await this.store.get(key)) !== undefined); }
  listKeys(cursor) {
    return draft(async () => {
      // A cursor is a number in the draft and a text on the platform: it is remembered as long as the instance lives.
      const from = cursor === undefined ? undefined : this.store.cursors?.[Number(cursor)];
      if (cursor !== undefined && from === undefined) {
        throw new WitError({ tag: "other", val: "the cursor is unknown or too old; list from the start again" });
      }
      const page = await this.store.list("", from, undefined);
      const cursors = (this.store.cursors ??= []);
      const next = page.cursor === undefined ? undefined : BigInt(cursors.push(page.cursor) - 1);
      return { keys: page.keys.map(({ name }) => name), cursor: next };
    });
  }
}

export const store = (instance) => ({ Bucket, open: (name) => draft(async () => new Bucket(new Store(instance, name))) });

export const atomics = () => ({
  // KV has neither transactions nor compare-and-set: a count that loses increments is none.
  async increment() {
    throw new WitError({ tag: "other", val: "the edge's stores have no atomic increment; count in a durable object" });
  },
});

export const batch = () => ({
  getMany: (bucket, keys) =>
    draft(() => Promise.all(keys.map(async (key) => {
      const value = await bucket.store.get(key);
      return value === undefined ? undefined : [key, value];
    }))),
  setMany: (bucket, pairs) => draft(async () => void (await Promise.all(pairs.map(([key, value]) => bucket.store.set(key, value))))),
  deleteMany: (bucket, keys) => draft(async () => void (await Promise.all(keys.map((key) => bucket.store.delete(key))))),
});
