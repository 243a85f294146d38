// How objects are called: typed, by stubs of their interface, and by a request through the untyped door.

import { drop } from "./bytes.js";
import { camel } from "./component/names.mjs";
import { objectBinding } from "./host.js";
import { WitError } from "./http.js";
import { received, upload } from "./outbound.js";

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

/** Adds the interfaces that a component calls objects by to its imports. */
export function stubs(instance, imports) {
  for (const stub of instance.composition.stubs ?? []) {
    Object.defineProperty(imports, stub.key, { get: () => ({ [stub.class_name]: stubClass(instance, stub) }) });
  }
}

/** The methods of the stubs of an interface, made once; what they need of an instance is in the stub. */
const METHODS = new WeakMap();

/** The class whose constructor a guest of this instance calls. */
function stubClass(instance, stub) {
  if (!METHODS.has(stub)) {
    class Methods {}
    for (const method of stub.methods) {
      const name = camel(method.name);
      Methods.prototype[name] = function (...args) {
        return callMethod(this.instance, stub, method, this.name, args);
      };
    }
    METHODS.set(stub, Methods);
  }
  return class extends METHODS.get(stub) {
    constructor(name) {
      super();
      this.instance = instance;
      this.name = name;
    }
  };
}

async function callMethod(instance, stub, method, object, args) {
  let outcome;
  try {
    outcome = await ask(instance, stub.class, object, (stub) => stub.call(object, method.name, args));
  } catch (error) {
    if (error?.payload === undefined) throw error;
    outcome = { platform: error.payload };
  }
  if ("ok" in outcome) return outcome.ok;
  if ("err" in outcome) throw new WitError(outcome.err);
  throw platformFailure(method, stub.class, outcome.platform);
}

/** A failure of the platform, as a method's error type takes it; where that has no place for it, the caller traps. */
function platformFailure(method, class_, failure) {
  if (method.platform_errors === "is") return new WitError(failure);
  if (method.platform_errors === "case") return new WitError({ tag: method.case, val: failure });
  return new Error(`a call of an object of class ${class_} failed: ${failure.tag}${failure.val === undefined ? "" : ` (${failure.val})`}`);
}

/** The authority of a request for an object that names none: the object is found by its class and name. */
const NOWHERE = "object";

/** `selvedge:durable/namespace`: a request for an object, whatever its interface. */
export const namespace = (instance) => ({
  async fetch(class_, name, request) {
    const [contents, trailers] = request.take();
    // Its sending is told of below: an object may answer without having read it.
    const body = contents && upload(contents, trailers, () => {});
    let platform;
    try {
      const url = request.url(request.getAuthority() ?? NOWHERE, request.getPathWithQuery() ?? "/");
      platform = new globalThis.Request(url, { method: request.method(), headers: request.getHeaders().toHeaders(), body });
    } catch (error) {
      // The platform makes no request of some methods, and none of GET with a body.
      drop(contents);
      throw new WitError({ tag: "invalid", val: `the request cannot be sent: ${error.message}` });
    }
    const outcome = await ask(instance, class_, name, (object) => object.door(name, platform));
    request.sent?.({ tag: "ok", val: undefined });
    if ("platform" in outcome) throw new WitError(outcome.platform);
    return received(outcome.ok);
  },
});
