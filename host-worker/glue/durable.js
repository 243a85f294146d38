// `selvedge:durable`: what an object knows and stores, and how others call it.

import { WitError } from "./http.js";
import { objectBinding, objectId, storageKey, storageKeys, storagePage, storagePut } from "./host.js";
import { received } from "./outbound.js";
import { reader, drop } from "./bytes.js";

/** The object that an instance is; elsewhere these calls trap. */
export function object(instance) {
  instance.alive();
  if (instance.scope.storage === undefined) throw new Error("only an object has a storage, a name and an alarm");
  return instance.scope;
}

/** `selvedge:durable/types`: types and nothing else. */
export const durableTypes = () => ({});

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

/** The platform's stub of an object; one for each, so that calls of one caller keep their order. */
function stubOf(instance, class_, name) {
  const binding = objectBinding(instance.composition.index, class_, name);
  const stubs = (instance.stubs ??= new Map());
  const key = `${binding}\u0000${name}`;
  if (!stubs.has(key)) stubs.set(key, instance.env[binding].getByName(name));
  return { stub: stubs.get(key), forget: () => stubs.delete(key) };
}

/** Calls an object; a failure of the platform's is one of the object's: it was reset. */
async function ask(instance, class_, name, send) {
  instance.alive();
  const { stub, forget } = stubOf(instance, class_, name);
  try {
    return await send(stub);
  } catch (error) {
    // A stub whose object was reset answers nothing any more.
    forget();
    if (error.overloaded) return { platform: { tag: "overloaded" } };
    return { platform: { tag: "reset", val: String(error.message) } };
  }
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

/** The classes of the interfaces that a component calls objects by, by interface. */
export function stubs(instance) {
  const made = {};
  for (const stub of instance.composition.stubs ?? []) {
    Object.defineProperty(made, stub.key, { enumerable: true, get: () => ({ [stub.class_name]: stubClass(instance, stub) }) });
  }
  return made;
}

function stubClass(instance, stub) {
  class Stub {
    constructor(name) {
      this.name = name;
    }
  }
  for (const method of stub.methods) {
    const name = camel(method.name);
    Stub.prototype[name] = async function (...args) {
      let outcome;
      try {
        outcome = await ask(instance, stub.class, this.name, (object) => object.call(this.name, name, args));
      } catch (error) {
        if (error?.payload === undefined) throw error;
        outcome = { platform: error.payload };
      }
      if ("ok" in outcome) return outcome.ok;
      if ("err" in outcome) throw new WitError(outcome.err);
      throw platformFailure(method, stub.class, outcome.platform);
    };
  }
  return Stub;
}

/** A failure of the platform, as a method's error type takes it; where that has no place for it, the caller traps. */
function platformFailure(method, class_, failure) {
  if (method.platform_errors === "is") return new WitError(failure);
  if (method.platform_errors === "case") return new WitError({ tag: method.case, val: failure });
  return new Error(`a call of an object of class ${class_} failed: ${failure.tag}${failure.val === undefined ? "" : ` (${failure.val})`}`);
}

/** `selvedge:durable/namespace`: a request for an object, whatever its interface. */
export const namespace = (instance) => ({
  async fetch(class_, name, request) {
    const [contents, trailers] = request.take();
    const read = reader(contents);
    const body = contents && new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const chunk = await read();
        if (chunk === null) {
          const end = await trailers;
          if (end?.tag === "err") return controller.error(new Error("the body was broken off"));
          controller.close();
          controller.byobRequest?.respond(0);
        } else if (chunk.length > 0) controller.enqueue(chunk);
        else await this.pull(controller);
      },
      cancel: () => drop(contents),
    });
    const platform = new globalThis.Request(request.url(), { method: request.method(), headers: request.getHeaders().toHeaders(), body });
    const outcome = await ask(instance, class_, name, (object) => object.door(name, platform));
    request.sent?.({ tag: "ok", val: undefined });
    if ("platform" in outcome) throw new WitError(outcome.platform);
    return received(outcome.ok);
  },
});
