// Greets whoever asks, and counts how often: GET /?name=Ada
//
// The default export answers requests as in any runtime of the web. What is imported by the name of an
// interface comes from the host; `selvedge build` writes its types into `bindings/`.

import { open } from "wasi:keyvalue/store@0.2.0-draft";
import { greeting, nameIn } from "./greeting.ts";

// The store's name in selvedge.toml.
const STORE = "{{name}}";

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("use GET\n", { status: 405 });
    }
    const name = nameIn(request.url);
    try {
      return new Response(greeting(name, countVisit(name)));
    } catch (error) {
      // The console is the log. The visitor need not know what went wrong.
      console.error(`store ${STORE}:`, error);
      return new Response("try again\n", { status: 503 });
    }
  },
};

// Adds one to the visits of a name. Two visits at the same time may count as one: a store is made for
// many reads and few writes. What has to be exact belongs into a durable object.
function countVisit(name: string): number {
  const visits = open(STORE);
  const known = visits.get(name);
  // What is no number counts as none.
  const count = (Number(new TextDecoder().decode(known)) || 0) + 1;
  visits.set(name, new TextEncoder().encode(String(count)));
  return count;
}
