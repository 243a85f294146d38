// Step 3 for services: one request in an instance of its own.

import { Bound, bounded } from "./bound.js";
import { compositions } from "./compositions.js";
import { Instance, Trapped } from "./guest.js";
import { exchangeEnded, instanceEnded, logEnd } from "./host.js";
import { Request, announcedLength, toPlatform } from "./http.js";
import { Upload } from "./upload.js";

/** How almost every instance ends; made once, since an error gathers a stack. */
const DONE = new Trapped("its work is done");

/** What nobody reads: the client has left. The status is the one that servers log for it. */
const nobody = () => new globalThis.Response(null, { status: 499 });

/** A request in an instance. */
export class Exchange {
  #composition;
  #request;
  #env;
  #context;
  #id;
  #answered = false;
  #sent = Promise.withResolvers();
  #refused = Promise.withResolvers();
  #left = Promise.withResolvers();

  constructor(index, request, env, context, id) {
    this.#composition = compositions[index];
    this.#request = request;
    this.#env = env;
    this.#context = context;
    this.#id = id;
    this.#refused.promise.catch(() => {});
    // Where the platform tells it (compatibility flag `enable_request_signal`).
    if (request.signal?.aborted) this.#left.resolve();
    else request.signal?.addEventListener("abort", () => this.#left.resolve(), { once: true });
  }

  /** The response, as soon as it may be sent. */
  async respond(wallMs) {
    const instance = this.#start();
    // From now on: what a client's leaving cuts off would never give its places back.
    this.#context.waitUntil(this.#finish(instance));
    const upload = new Upload(this.#request, this.#composition.limits, this.#refused.reject);
    const timer = setTimeout(() => this.#refused.reject(new Bound(upload.waits ? "request-body-timeout" : "wall-time")), wallMs);
    try {
      const ask = () => this.#composition.ask(instance, Request.received(this.#request, upload.body, upload.end));
      const answer = instance.call(ask).then((response) => this.#send(instance, response));
      const response = await Promise.race([answer, this.#refused.promise, this.#left.promise]);
      if (response !== undefined) return response;
      this.#stop(instance, "the client has left");
      return nobody();
    } catch (error) {
      // Nobody waits for what it does now.
      this.#stop(instance, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #start() {
    const { index } = this.#composition;
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
      exchangeEnded(index);
      instanceEnded(index);
      throw error;
    }
  }

  #send(instance, response) {
    this.#answered = true;
    const { limits } = this.#composition;
    const exchange = {
      bytesMax: limits["response-body-bytes"],
      chunk: (next) => bounded(limits["wall-ms"], instance.orEnd(next)),
      tooLarge: () => new Bound("response-body-too-large"),
      done: () => this.#sent.resolve(),
      broken: (error) => this.#broken(error),
    };
    if ((announcedLength(response.getHeaders()) ?? 0) > exchange.bytesMax) throw exchange.tooLarge();
    return toPlatform(response, exchange);
  }

  #broken(error) {
    if (error instanceof Bound) logEnd(this.#composition.index, error.failure, this.#id, "", "a response was broken off");
    this.#sent.resolve();
  }

  #trapped(reason) {
    if (this.#answered) logEnd(this.#composition.index, reason.failure, this.#id, "", reason.message);
  }

  /** Gives the places back: the client's when it has its response, or never will; the instance's when its work is done. */
  async #finish(instance) {
    const { index, limits } = this.#composition;
    await this.#sent.promise;
    exchangeEnded(index);
    try {
      // What the guest has begun may go on, as long as it may.
      const idle = Promise.all([instance.idle(), instance.work]);
      const ended = new Promise((resolve) => instance.whenEnded(resolve));
      await bounded(limits["after-response-ms"], Promise.race([idle, ended]));
    } catch (error) {
      logEnd(index, error.failure ?? "trap", this.#id, "", "work went on for too long");
    }
    for (const act of instance.scope.ends) act();
    this.#stop(instance, DONE);
    instanceEnded(index);
  }

  /** Ends the instance, if that has not happened yet. */
  #stop(instance, reason) {
    instance.scope.trapped = undefined;
    instance.fail(reason instanceof Trapped ? reason : new Trapped(reason));
    this.#sent.resolve();
  }
}
