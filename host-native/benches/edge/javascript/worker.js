// What the components of the bench do, as somebody would write it for the platform.

import { DurableObject } from "cloudflare:workers";

export class Counter extends DurableObject {
  add(by) {
    const value = (this.ctx.storage.kv.get("value") ?? 0) + by;
    this.ctx.storage.kv.put("value", value);
    return { value };
  }
}

export default {
  async fetch(request, env) {
    const [, what, name] = new URL(request.url).pathname.split("/");
    switch (what) {
      case "hello":
        return new Response("hello\n", { headers: { "content-type": "text/plain" } });
      case "keyvalue": {
        if (request.method === "PUT") {
          await env.KV_VALUES.put(name, await request.arrayBuffer());
          return new Response("");
        }
        const value = await env.KV_VALUES.get(name, "arrayBuffer");
        return new Response(value, { status: value === null ? 404 : 200 });
      }
      case "sum": {
        const { value } = await env.Counter.get(env.Counter.idFromName(name)).add(1);
        return new Response(String(value));
      }
    }
    return new Response("no such path", { status: 404 });
  },
};
