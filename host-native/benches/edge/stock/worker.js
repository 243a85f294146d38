// Requests to components with jco's own shims, which are for browsers where they are not for Node.

import { cli, clocks, http, random } from "@bytecodealliance/preview3-shim";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import * as components from "./components.js";

const { Fields, Request: WasiRequest, Response: WasiResponse } = http.types;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** jco's imports have no versions, so one object serves 0.2 and 0.3 of an interface. */
const imports = {};
for (const [name, members] of Object.entries(new WASIShim().getImportObject())) imports[name.replace(/@.*/, "")] = members;
const add = (name, members) => (imports[name] = { ...imports[name], ...members });
add("wasi:http/types", http.types);
add("wasi:http/client", http.client);
add("wasi:clocks/types", clocks.types);
add("wasi:clocks/monotonic-clock", clocks.monotonicClock);
add("wasi:clocks/system-clock", clocks.systemClock);
add("wasi:cli/types", {});
for (const stream of ["stdin", "stdout", "stderr"]) add(`wasi:cli/${stream}`, cli[stream]);
add("wasi:random/random", random.random);
add("wasi:random/insecure", random.insecure);
add("wasi:random/insecure-seed", random.insecureSeed);

function store(env) {
  class Bucket {
    async get(key) {
      const value = await env.KV_VALUES.get(key, "arrayBuffer");
      return value === null ? undefined : new Uint8Array(value);
    }
    async set(key, value) {
      await env.KV_VALUES.put(key, value);
    }
  }
  return { Bucket, open: async () => new Bucket() };
}

const nothing = () => Promise.resolve({ tag: "ok", val: undefined });

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const { CORES, instantiate } = components[url.pathname.split("/")[1]];
    const instance = await instantiate((name) => CORES[name], { ...imports, "selvedge:keyvalue/store": store(env) });
    const headers = [...request.headers].filter(([name]) => !["host", "content-length"].includes(name));
    const fields = Fields.fromList(headers.map(([name, value]) => [name, encoder.encode(value)]));
    const [asked] = WasiRequest.new(fields, request.body ?? undefined, nothing(), undefined);
    asked.setMethod({ tag: request.method.toLowerCase() });
    asked.setPathWithQuery(url.pathname + url.search);
    asked.setScheme({ tag: "HTTP" });
    asked.setAuthority(url.host);
    const answer = await instance.handler.handle(asked);
    const answered = new Headers();
    for (const [name, value] of answer.getHeaders().copyAll()) answered.append(name, decoder.decode(value));
    const [body] = WasiResponse.consumeBody(answer, nothing());
    const parts = [];
    for (;;) {
      const { value, done } = await body.read({ count: 65536 });
      if (value !== undefined && value.length > 0) parts.push(Uint8Array.from(value));
      if (done || value === undefined || value.length === 0) break;
    }
    return new Response(await new Blob(parts).arrayBuffer(), { status: answer.getStatusCode(), headers: answered });
  },
};
