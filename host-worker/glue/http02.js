// `wasi:http@0.2`: the resources of `types`, requests out, and a handler that is asked.
//
// They stand on those of 0.3 (http.js): what is checked is checked there, and so are grants (outbound.js). Here
// bodies become streams of `wasi:io`, and futures become things that are polled.

import { drop, reader } from "./bytes.js";
import { Body } from "./body02.js";
import { Fields, Request, RequestOptions, Response, WitError, announcedLength, internalError } from "./http.js";
import { InputStream, IoError, Pollable } from "./io.js";
import { send } from "./outbound.js";

/** The result of a promise, in the form that `get` of the futures gives: once. */
class Future {
  #promise;
  #result;
  #taken = false;
  constructor(promise) {
    this.#promise = promise.then(
      (val) => (this.#result = { tag: "ok", val }),
      (error) => (this.#result = { tag: "err", val: error instanceof WitError ? error.payload : internalError(error) }),
    );
  }
  subscribe() {
    return Pollable.after(this.#promise);
  }
  get() {
    if (this.#result === undefined) return undefined;
    if (this.#taken) return { tag: "err", val: undefined };
    this.#taken = true;
    return { tag: "ok", val: this.#result };
  }
}
class FutureTrailers extends Future {}
class FutureIncomingResponse extends Future {}

/** A body that comes in. */
class IncomingBody {
  #contents;
  #trailers;
  #streamed = false;
  constructor([contents, trailers]) {
    this.#contents = contents;
    this.#trailers = trailers;
  }
  stream() {
    if (this.#streamed) throw new WitError(undefined);
    this.#streamed = true;
    const read = reader(this.#contents);
    const next = async () => {
      const bytes = await read();
      if (bytes !== null) return bytes;
      const end = await this.#trailers;
      if (end?.tag === "err") throw new WitError(end.val);
      return null;
    };
    return new InputStream(next, () => drop(this.#contents));
  }
  static finish(body) {
    body[Symbol.dispose]();
    return new FutureTrailers(body.#trailers.then((end) => {
      if (end?.tag === "err") throw new WitError(end.val);
      return end?.val;
    }));
  }
  [Symbol.dispose]() {
    if (!this.#streamed) drop(this.#contents);
    this.#streamed = true;
  }
}

/** A message that has come in: its body can be taken once. */
class Incoming {
  #message;
  #consumed = false;
  constructor(message) {
    this.#message = message;
  }
  headers() { return this.#message.getHeaders(); }
  consume() {
    if (this.#consumed) throw new WitError(undefined);
    this.#consumed = true;
    return new IncomingBody(this.#message.take());
  }
  [Symbol.dispose]() {
    if (!this.#consumed) drop(this.#message.take()[0]);
  }
}

class IncomingRequest extends Incoming {
  #request;
  constructor(request) {
    super(request);
    this.#request = request;
  }
  method() { return this.#request.getMethod(); }
  pathWithQuery() { return this.#request.getPathWithQuery(); }
  scheme() { return this.#request.getScheme(); }
  authority() { return this.#request.getAuthority(); }
}

class IncomingResponse extends Incoming {
  #response;
  constructor(response) {
    super(response);
    this.#response = response;
  }
  status() { return this.#response.getStatusCode(); }
}

/** A body that goes out. */
class OutgoingBody {
  #body;
  constructor(body) {
    this.#body = body;
  }
  write() { return this.#body.stream(); }
  static finish(body, trailers) { body.#body.finish(trailers); }
  /** Dropped unfinished, it is not whole. */
  [Symbol.dispose]() { this.#body.breakOff(); }
}

/** A message on its way out: `message` is what is sent, and has a body once somebody has asked for it. */
class Outgoing {
  #begun = false;
  #sizeError;
  /** @param {string} sizeError the code for a body that has not the length that was announced */
  constructor(message, sizeError) {
    this.message = message;
    this.#sizeError = sizeError;
  }
  headers() { return this.message.getHeaders(); }
  body() {
    if (this.#begun) throw new WitError(undefined);
    this.#begun = true;
    const body = new Body(announcedLength(this.message.getHeaders()), this.#sizeError);
    this.message.give(body.contents, body.trailers);
    return new OutgoingBody(body);
  }
}

class OutgoingRequest extends Outgoing {
  constructor(headers) { super(Request.new(headers)[0], "HTTP-request-body-size"); }
  method() { return this.message.getMethod(); }
  setMethod(method) { this.message.setMethod(method); }
  pathWithQuery() { return this.message.getPathWithQuery(); }
  setPathWithQuery(path) { this.message.setPathWithQuery(path); }
  scheme() { return this.message.getScheme(); }
  setScheme(scheme) { this.message.setScheme(scheme); }
  authority() { return this.message.getAuthority(); }
  setAuthority(authority) { this.message.setAuthority(authority); }
}

class OutgoingResponse extends Outgoing {
  constructor(headers) { super(Response.new(headers)[0], "HTTP-response-body-size"); }
  statusCode() { return this.message.getStatusCode(); }
  setStatusCode(status) {
    if (status < 100 || status > 999) throw new WitError(undefined);
    this.message.withStatus(status);
  }
}

/** Where the answer to a request goes. */
class ResponseOutparam {
  #answer;
  constructor(answer) {
    this.#answer = answer;
  }
  static set(param, result) { param.#answer(result); }
  sendInformational() {
    throw new WitError(internalError("this host sends no informational responses"));
  }
}

/** The code of HTTP that a stream's error stands for. */
function httpErrorCode(error) {
  return error instanceof IoError && error.cause instanceof WitError ? error.cause.payload : undefined;
}

const TYPES = {
  Fields, FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingRequest, IncomingResponse, OutgoingBody,
  OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, httpErrorCode,
};
/** `wasi:http/types@0.2`. */
export const types = () => TYPES;

/** `wasi:http/outgoing-handler@0.2`. */
export const outgoingHandler = (instance) => ({
  handle(request, options) {
    return new FutureIncomingResponse(send(instance, request.message, options).then((response) => new IncomingResponse(response)));
  },
});

/**
 * Asks `wasi:http/incoming-handler@0.2`. The response is there as soon as the guest has given it; the guest may go
 * on then, which is its instance's work (`instance.work`).
 * @returns {Promise<Response>} rejects with the guest's error as `payload`, or with why there is none
 */
export function ask(instance, handler, request) {
  return new Promise((resolve, reject) => {
    const answer = ({ tag, val }) => {
      if (tag === "ok") resolve(val.message);
      else reject({ payload: val });
    };
    instance.work = handler.handle(new IncomingRequest(request), new ResponseOutparam(answer)).then(
      // Without effect where it has answered.
      () => reject({ payload: "no answer" }),
      (error) => reject(instance.fail(error)),
    );
  });
}
