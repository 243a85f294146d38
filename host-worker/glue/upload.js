// The body of a client's request on its way to a guest, held to its bounds.

import { Bound, bounded } from "./bound.js";
import { platformReader } from "./bytes.js";

const OK = { tag: "ok", val: undefined };

/** A request's body, as `Request.received` takes it. */
export class Upload {
  /** `read` and `leave`; `undefined` where the request has no body. */
  body;
  /** How the body ends: the future of its trailers. */
  end;
  /** Whether a guest waits for the client right now. */
  waits = false;
  #bytes;
  #left;
  #wallMs;
  #refuse;
  #tell;

  /**
   * @param {globalThis.Request} request
   * @param {object} limits those of the service
   * @param {(bound: Bound) => void} refuse is told of a bound that the client has run into
   */
  constructor(request, limits, refuse) {
    this.end = new Promise((resolve) => (this.#tell = resolve));
    if (request.body === null) {
      this.#tell(OK);
      return;
    }
    this.#bytes = platformReader(request.body);
    this.#left = limits["request-body-bytes"];
    this.#wallMs = limits["wall-ms"];
    this.#refuse = refuse;
    this.body = { read: () => this.#read(), leave: () => this.leave() };
  }

  async #read() {
    this.waits = true;
    let next;
    try {
      next = await bounded(this.#wallMs, this.#bytes.read());
    } catch (error) {
      if (error instanceof Bound) throw this.#fail("request-body-timeout", { tag: "connection-read-timeout" });
      // The client has left, or what it sends is no body.
      this.#tell({ tag: "err", val: { tag: "HTTP-protocol-error" } });
      throw error;
    } finally {
      this.waits = false;
    }
    if (next.done) {
      this.#tell(OK);
      return null;
    }
    this.#left -= next.value.length;
    if (this.#left < 0) throw this.#fail("request-body-too-large", { tag: "HTTP-request-body-size", val: undefined });
    return next.value;
  }

  #fail(failure, code) {
    this.#tell({ tag: "err", val: code });
    this.#cancel();
    const bound = new Bound(failure);
    this.#refuse(bound);
    return bound;
  }

  /** Nobody reads on. */
  leave() {
    this.#tell(OK);
    this.#cancel();
  }

  #cancel() {
    // Fails where the client has gone already; then there is nothing left to cancel.
    this.#bytes?.cancel().catch(() => {});
  }
}
