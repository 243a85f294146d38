// The way between `wasi:http/handler@0.3.0` and the author's `fetch(request)`.

import types from "wasi:http/types@0.3.0";
import { Request, Response, Source } from "./messages.js";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const FINISHED = { tag: "ok", val: null };
const [TRAILERS, OUTCOME] = ["RESULT_OPTION_OTHER_ERROR_CODE", "RESULT_VOID_ERROR_CODE"].map((name) => wit.Future[name]);

/** The export `wasi:http/handler`, which answers with what `app.fetch` answers. */
export function handler(app) {
  return {
    async handle(incoming) {
      const request = requestOf(incoming);
      try {
        const response = await app.fetch(request);
        if (!(response instanceof Response)) throw new TypeError("fetch answered with no Response");
        return await toWasi(response, request.method);
      } catch (error) {
        console.error(error);
        throw { tag: "internal-error", val: String(error) };
      } finally {
        if (!request.bodyUsed) incoming[Symbol.dispose]();
      }
    },
  };
}

function requestOf(incoming) {
  const request = new Request(
    new Source({
      method: () => methodOf(incoming.getMethod()),
      url: () => urlOf(incoming),
      headers: () => headersOf(incoming),
      body: {
        async *[Symbol.asyncIterator]() {
          // The body is had in exchange for the request, so the rest is read before.
          void [request.method, request.url, request.headers];
          const done = wit.Future.from(FINISHED, OUTCOME);
          const [body, trailers] = types.Request.consumeBody(incoming, done.readable);
          yield* body;
          // A body that broke off ends as a whole one does; only the trailers tell them apart.
          const end = await trailers.read();
          if (end.tag === "err") throw new TypeError(`the body broke off: ${end.val.tag}`);
        },
      },
    }),
  );
  return request;
}

function methodOf(method) {
  return method.tag === "other" ? method.val : method.tag.toUpperCase();
}

function urlOf(incoming) {
  const scheme = incoming.getScheme();
  const protocol = scheme?.tag === "HTTPS" ? "https" : "http";
  return `${protocol}://${incoming.getAuthority() ?? "localhost"}${incoming.getPathWithQuery() ?? "/"}`;
}

function headersOf(incoming) {
  const fields = incoming.getHeaders();
  try {
    return fields.copyAll().map(([name, value]) => [name, decoder.decode(value)]);
  } finally {
    fields[Symbol.dispose]();
  }
}

async function toWasi(response, method) {
  let body = response._use();
  if (body instanceof Uint8Array && !response.headers.has("content-length")) {
    response.headers.set("content-length", body.length);
  }
  if (method === "HEAD") body = null;
  const lines = [...response.headers].map(([name, value]) => [name, encoder.encode(value)]);
  const fields = types.Fields.fromList(lines);
  const trailers = wit.Future.from(FINISHED, TRAILERS);
  let contents = null;
  if (body !== null) {
    const pipe = wit.Stream(wit.Stream.U8);
    contents = pipe.readable;
    send(body, pipe.writable);
  }
  const [made, sent] = types.Response.new(fields, contents, trailers.readable);
  sent.drop();
  if (response.status !== 200) made.setStatusCode(response.status);
  return made;
}

/** Sends a body while the response is on its way already. */
async function send(body, to) {
  try {
    if (body instanceof Uint8Array) await to.writeAll(body);
    else for await (const piece of body) await to.writeAll(piece);
  } catch (error) {
    console.error(error);
  } finally {
    to.drop();
  }
}
