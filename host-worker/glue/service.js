// Step 3 for services: one request in an instance of its own.

import { compositions } from "./compositions.js";
import { Instance, Trapped } from "./guest.js";
import { exchangeEnded, instanceEnded, logEnd } from "./host.js";
import { Request, toPlatform } from "./http.js";

const OK = { tag: "ok", val: undefined };

/** Something ran into a bound: `failure` names it, as the contract does. */
class Bound extends Error {
  constructor(failure) {
    super(failure);
    this.failure = failure;
  }
}

/** A request in an instance. */
export class Exchange {
  #composition;
  #request;
  #env;
  #context;
  #id;
  #waitsForClient = false;
  #answered = false;
  #ended = false;
  #refuse;
  #refused = new Promise((_, reject) => (this.#refuse = reject));

  constructor(index, request, env, context, id) {
    this.#composition = compositions[index];
    this.#request = request;
    this.#env = env;
    this.#context = context;
    this.#id = id;
    this.#refused.catch(() => {});
  }

  /** The response, as soon as it may be sent. */
  async respond(wallMs) {
    const instance = this.#start();
    const { limits } = this.#composition;
    const timer = setTimeout(() => this.#refuse(new Bound(this.#waitsForClient ? "request-body-timeout" : "wall-time")), wallMs);
    try {
      const response = await Promise.race([instance.call(() => this.#ask(instance)), this.#refused]);
      this.#answered = true;
      const exchange = {
        bytesMax: limits["response-body-bytes"],
        chunk: (next) => within(limits["wall-ms"], Promise.race([next, instance.end.then((reason) => Promise.reject(reason))])),
        tooLarge: () => new Bound("response-body-too-large"),
        done: () => this.#end(),
        broken: (error) => this.#broken(error),
      };
      if (Number(response.getHeaders().get("content-length")[0] ?? 0) > exchange.bytesMax) throw exchange.tooLarge();
      const platform = await toPlatform(response, exchange);
      this.#context.waitUntil(this.#finish(instance));
      return platform;
    } catch (error) {
      this.#end();
      // Nobody waits for what it does now.
      this.#stop(instance, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #start() {
    try {
      const ends = [];
      return new Instance(this.#composition, this.#env, {
        request: this.#id,
        object: "",
        atEnd: (act) => ends.push(act),
        ends,
        trapped: (reason) => this.#trapped(reason),
      });
    } catch (error) {
      this.#end();
      instanceEnded(this.#composition.index);
      throw error;
    }
  }

  #ask(instance) {
    const { body, end } = this.#upload(instance);
    return this.#composition.ask(instance, Request.received(this.#request, body, end));
  }

  /** The request's body, held to its bounds. */
  #upload() {
    const platform = this.#request.body;
    if (platform === null) return { body: undefined, end: Promise.resolve(OK) };
    const { limits } = this.#composition;
    let left = limits["request-body-bytes"];
    let tell;
    const end = new Promise((resolve) => (tell = resolve));
    const bytes = platform.getReader();
    const fail = (failure, code) => {
      tell({ tag: "err", val: code });
      bytes.cancel().catch(() => {});
      if (failure !== undefined) this.#refuse(new Bound(failure));
      throw new Bound(failure);
    };
    const read = async () => {
      this.#waitsForClient = true;
      let next;
      try {
        next = await within(limits["wall-ms"], bytes.read());
      } catch (error) {
        if (error instanceof Bound) fail("request-body-timeout", { tag: "connection-read-timeout" });
        fail(undefined, { tag: "HTTP-protocol-error" });
      }
      this.#waitsForClient = false;
      if (next.done) {
        tell(OK);
        return null;
      }
      left -= next.value.length;
      if (left < 0) fail("request-body-too-large", { tag: "HTTP-request-body-size", val: undefined });
      return next.value;
    };
    const leave = () => {
      tell(OK);
      bytes.cancel().catch(() => {});
    };
    return { body: { read, leave }, end };
  }

  /** Lets work go on that the guest has begun, as long as it may. */
  async #finish(instance) {
    const limit = this.#composition.limits["after-response-ms"];
    try {
      await this.#sent;
      await within(limit, instance.scheduler.idle());
      this.#stop(instance);
    } catch {
      this.#stop(instance, new Bound("wall-time"));
    }
  }

  #tellSent;
  #sent = new Promise((resolve) => (this.#tellSent = resolve));

  /** The client has its response, or will never have it. */
  #end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#tellSent();
    exchangeEnded(this.#composition.index);
  }

  #broken(error) {
    if (error instanceof Bound) logEnd(this.#composition.index, error.failure, this.#id, "", "a response was broken off");
    this.#end();
  }

  #stopped = false;
  #stop(instance, error) {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const act of instance.scope.ends) act();
    if (error instanceof Bound && this.#answered) logEnd(this.#composition.index, error.failure, this.#id, "", "work went on for too long");
    if (instance.ended === null) {
      instance.scope.trapped = undefined;
      instance.fail(new Trapped(error ?? "its work is done"));
    }
    instanceEnded(this.#composition.index);
  }

  #trapped(reason) {
    if (this.#answered) logEnd(this.#composition.index, reason.failure, this.#id, "", reason.message);
  }
}

/** Waits, but no longer than so many milliseconds. */
async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Bound("wall-time")), Math.min(ms, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
