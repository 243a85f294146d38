// `/typescript/counter/{name}`: the service beside it in Rust, in TypeScript. The counters are the same
// durable objects, written in Rust: to a caller they are a class of an ordinary module.
//
// The functions are `async` in the WIT. JavaScript calls them without `await`: the instance waits, and
// the host runs others meanwhile.

import { Counter, type Count, type Error as Failure } from "demo:counter/counters";

const PATH = /\/counter\/([^/]+)$/;

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, encoded] = PATH.exec(pathname) ?? [];
    const by = number(searchParams.get("by") ?? "1");
    if (encoded === undefined || by === undefined) {
      return json({ reason: "ask for /counter/{name}, with a number in `by`" }, 400);
    }
    const name = decodeURIComponent(encoded);
    const counter = new Counter(name);
    try {
      switch (request.method) {
        case "GET":
        case "HEAD":
          return counted(name, counter.get());
        case "POST":
          return counted(name, counter.add(by));
        default:
          return json({ reason: "use GET or POST" }, 405, { allow: "GET, HEAD, POST" });
      }
    } catch (error) {
      return failed(name, error);
    }
  },
};

function counted(name: string, { value, visits }: Count): Response {
  // A 64-bit integer is a `bigint`, which JSON does not know.
  return json({ name, value: Number(value), visits: Number(visits) });
}

/** What the object answers in its error type is thrown with it as `payload`. */
function failed(name: string, error: unknown): Response {
  const { tag } = (error as { payload?: Failure }).payload ?? {};
  console.error(`counter ${name} did not answer:`, tag ?? error);
  switch (tag) {
    case "invalid":
      return json({ reason: "the counter cannot go so far" }, 400);
    case "overloaded":
    case "reset":
    case "timeout":
      return json({ reason: "the counter does not answer now, try again" }, 503, { "retry-after": "1" });
    default:
      return json({ reason: "the service cannot reach its counters" }, 500);
  }
}

function number(text: string): bigint | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const number = BigInt(text);
  return BigInt.asUintN(64, number) === number ? number : undefined;
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}
