// `selvedge:durable` for an object: what it knows of itself, what it stores, and its alarm.

import { WitError } from "./http.js";
import { objectId, storageKey, storageKeys, storagePage, storagePut } from "./host.js";

/** The object that an instance is; elsewhere these calls trap. */
export function object(instance) {
  instance.alive();
  if (instance.scope.storage === undefined) throw new Error("only an object has a storage, a name and an alarm");
  return instance.scope;
}

export const self = (instance) => {
  const class_ = instance.composition.name;
  return {
    id: () => objectId(class_, object(instance).object),
    name: () => object(instance).object,
    class: () => (object(instance), class_),
    abort(why) {
      const { abort } = object(instance);
      instance.scope.trapped = undefined;
      instance.fail(new Error(why));
      abort(why);
    },
  };
};

/** Does what the platform's storage may fail to do. */
function keep(act) {
  try {
    return act();
  } catch (error) {
    if (Object.hasOwn(error, "payload")) throw error;
    throw new WitError({ tag: "unavailable", val: String(error.message) });
  }
}

export const storage = (instance) => {
  const kv = () => object(instance).storage.kv;
  const most = instance.composition.limits["storage-bytes"];
  const size = () => object(instance).storage.sql.databaseSize;
  const put = (key, value) => {
    storagePut(key, value.length, size(), most);
    kv().put(key, value.slice());
  };
  return {
    get: (key) => keep(() => (storageKey(key), kv().get(key))),
    getMany: (keys) =>
      keep(() => {
        storageKeys(keys.length);
        keys.forEach(storageKey);
        const found = keys.map((key) => [key, kv().get(key)]).filter(([, value]) => value !== undefined);
        return [...new Map(found)].sort(([one], [other]) => compareBytes(one, other));
      }),
    put: (key, value) => keep(() => put(key, value)),
    putMany: (entries) =>
      keep(() => {
        storageKeys(entries.length);
        // All are judged before the first is written.
        for (const [key, value] of entries) storagePut(key, value.length, size(), most);
        for (const [key, value] of entries) kv().put(key, value.slice());
      }),
    delete: (key) => keep(() => (storageKey(key), kv().delete(key))),
    deleteMany: (keys) =>
      keep(() => {
        storageKeys(keys.length);
        keys.forEach(storageKey);
        return keys.filter((key) => kv().delete(key)).length;
      }),
    list: ({ prefix, start, end, reverse, limit }) =>
      keep(() => {
        const options = { prefix: prefix || undefined, start: start || undefined, end, reverse, limit: storagePage(limit) };
        if (end === "") return [];
        if (options.limit === 0) return [];
        return [...kv().list(options)];
      }),
    deleteAll: () =>
      keep(() => {
        const { storage, alarm } = object(instance);
        alarm.cancel();
        const keys = [...storage.kv.list()].map(([key]) => key);
        for (const key of keys) storage.kv.delete(key);
        dropTables(storage.sql);
      }),
    async sync() {
      await object(instance).storage.sync();
    },
  };
};

/** Every table and view of the guest's; the host's own and the platform's stay. */
function dropTables(sql) {
  const ours = "name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE '\\_selvedge\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
  for (const kind of ["view", "table"]) {
    const rows = sql.exec(`SELECT name, sql FROM sqlite_master WHERE type = '${kind}' AND ${ours}`).toArray();
    // The tables behind a virtual one go with it.
    const virtual = rows.filter((row) => /^CREATE VIRTUAL/i.test(row.sql ?? ""));
    const shadows = (name) => virtual.some((row) => name !== row.name && name.startsWith(`${row.name}_`));
    for (const { name } of rows) if (!shadows(name)) sql.exec(`DROP ${kind} IF EXISTS "${name.replaceAll('"', '""')}"`);
  }
}

const encoder = new TextEncoder();
function compareBytes(one, other) {
  const [a, b] = [encoder.encode(one), encoder.encode(other)];
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

export const alarms = (instance) => ({
  get() {
    const at = object(instance).alarm.get();
    return at === undefined ? undefined : BigInt(at);
  },
  set(atMs) {
    const { alarm, object: name } = object(instance);
    if (!instance.composition.has.alarm) throw new Error("the object exports no alarm-handler, so it cannot set an alarm");
    alarm.set(name, Number(atMs > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER - 1 : atMs));
  },
  cancel: () => object(instance).alarm.cancel(),
});
