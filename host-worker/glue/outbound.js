// `wasi:http/client@0.3`: requests to other origins, by the platform's `fetch`.

import { READ_TIMEOUT, drop, incoming, reader, source } from "./bytes.js";
import { outboundAllowed } from "./host.js";
import { Fields, Response, WitError, internalError } from "./http.js";

const OK = { tag: "ok", val: undefined };

export const client = (instance) => ({
  send(request) {
    const abort = new AbortController();
    return Object.assign(send(instance, request, request.getOptions(), abort), { cancel: () => abort.abort() });
  },
});

/**
 * Sends a request where the instance may; of either version. Throws an error code as {@link WitError}.
 *
 * The platform connects by itself, so the time to connect counts as part of the wait for the first byte. Nothing is
 * waited for longer than the wall time, as on the native host.
 */
export async function send(instance, request, options = request.getOptions(), abort = new AbortController()) {
  instance.alive();
  const [contents, trailers] = request.take();
  let url;
  try {
    url = permitted(instance, request);
  } catch (error) {
    drop(contents);
    throw error;
  }
  const sent = (result) => request.sent?.(result);
  const forget = instance.whenEnded((reason) => abort.abort(reason));
  const wallMs = instance.composition.limits["wall-ms"];
  const wait = (time) => Math.min(time === undefined ? Infinity : Number(time) / 1e6, wallMs);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort.abort();
  }, wait(options?.getFirstByteTimeout()));
  try {
    const answer = await fetch(url, {
      method: request.method(),
      headers: request.getHeaders().toHeaders(),
      body: contents && upload(contents, trailers, sent),
      redirect: "manual",
      signal: abort.signal,
    });
    if (contents === undefined) sent(OK);
    return received(answer, wait(options?.getBetweenBytesTimeout()), forget);
  } catch (error) {
    forget();
    const code = isLate ? READ_TIMEOUT : errorCode(error);
    sent({ tag: "err", val: code });
    throw new WitError(code);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The URL that a request goes to, where the instance may send there. Its host is judged as the guest spelled it, which is how
 * the native host judges it, and as the platform has read it, which is where the request goes.
 */
function permitted(instance, request) {
  const url = request.url();
  const isHttp = url.protocol === "http:";
  for (const authority of new Set([request.getAuthority(), url.host])) {
    if (!outboundAllowed(instance.composition.index, isHttp, authority)) throw new WitError({ tag: "HTTP-request-denied" });
  }
  return url;
}

/** A body of a component for the platform to send; `sent` is told of its end. */
export function upload(contents, trailers, sent) {
  const read = reader(contents);
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await read();
      if (chunk !== null) {
        if (chunk.length > 0) controller.enqueue(chunk);
        else return this.pull(controller);
        return;
      }
      const end = await trailers;
      if (end?.tag === "err") return controller.error(new Error("the guest broke its body off"));
      sent(OK);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(reason) {
      drop(contents);
      sent({ tag: "err", val: internalError(reason) });
    },
  });
}

/**
 * The platform's response as one of WASI; where a time is given, no longer than that is waited for a piece of its body.
 * @param {() => void} [ended] called when its body has ended, or nobody reads it any more
 */
export function received(answer, betweenMs, ended) {
  const { body, end } = incoming(answer.body, { tag: "HTTP-response-incomplete" }, betweenMs);
  end.then(ended);
  const [response] = Response.new(Fields.received(answer.headers), body && source(body.read, body.leave), end);
  return response.withStatus(answer.status);
}

function errorCode(error) {
  const text = String(error?.message ?? error);
  // workerd tells a connection that nobody took by these words.
  if (/refused|Network connection lost|internal error/i.test(text)) return { tag: "connection-refused" };
  if (/DNS|resolve/i.test(text)) return { tag: "destination-not-found" };
  return internalError(error);
}
