// `wasi:http/client@0.3`: requests to other origins, by the platform's `fetch`.

import { drop, incoming, reader, source } from "./bytes.js";
import { outboundAllowed } from "./host.js";
import { Fields, Response, WitError, internalError } from "./http.js";

const OK = { tag: "ok", val: undefined };

export const client = (instance) => ({ send: (request) => send(instance, request) });

/** Sends a request where the instance may; of either version. Throws an error code as {@link WitError}. */
export async function send(instance, request) {
  instance.alive();
  const isHttp = request.getScheme()?.tag === "HTTP";
  const [contents, trailers] = request.take();
  if (!outboundAllowed(instance.composition.index, isHttp, request.getAuthority() ?? "")) {
    drop(contents);
    throw new WitError({ tag: "HTTP-request-denied" });
  }
  await instance.scope.gate?.();
  const sent = (result) => request.sent?.(result);
  const abort = new AbortController();
  instance.end.then((reason) => abort.abort(reason));
  try {
    const answer = await fetch(request.url(), {
      method: request.method(),
      headers: request.getHeaders().toHeaders(),
      body: contents && upload(contents, trailers, sent),
      redirect: "manual",
      signal: abort.signal,
    });
    if (contents === undefined) sent(OK);
    return received(answer);
  } catch (error) {
    const code = errorCode(error);
    sent({ tag: "err", val: code });
    throw new WitError(code);
  }
}

function upload(contents, trailers, sent) {
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

/** The platform's response as one of WASI. */
export function received(answer) {
  const { body, end } = incoming(answer.body, { tag: "HTTP-response-incomplete" });
  const [response] = Response.new(Fields.received(answer.headers), body && source(body.read, body.leave), end);
  response.setStatusCode(answer.status);
  return response;
}

function errorCode(error) {
  const text = String(error?.message ?? error);
  // workerd tells a connection that nobody took by these words.
  if (/refused|Network connection lost|internal error/i.test(text)) return { tag: "connection-refused" };
  if (/DNS|resolve/i.test(text)) return { tag: "destination-not-found" };
  return internalError(error);
}
