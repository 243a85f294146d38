// Step 4 of a request's way: THE TABLE of what a component may import at the edge, and what answers it.
//
// What may be reached is decided in Rust (src/capability); here values are moved. An interface is made for an
// instance when that asks for it.

import { environment, exit, input, noInput, output, terminal, writer } from "./cli.js";
import { monotonicClock, monotonicClock02, systemClock, wallClock } from "./clocks.js";
import { config } from "./config.js";
import { alarms, durableTypes, namespace, self, storage, stubs } from "./durable.js";
import { types } from "./http.js";
import * as http02 from "./http02.js";
import { error, poll, streams } from "./io.js";
import { keyvalue } from "./keyvalue.js";
import { client } from "./outbound.js";
import { insecure, insecureSeed, random } from "./random.js";
import { filesystem, sockets } from "./nothing.js";
import { sql } from "./sql.js";
import { atomics, batch, store } from "./wasi_keyvalue.js";

const nothing = () => ({});

/** By interface, with the version up to the minor one: `(instance) => functions and resources`. */
const TABLE = {
  "wasi:io/error@0.2": error,
  "wasi:io/poll@0.2": poll,
  "wasi:io/streams@0.2": streams,
  "wasi:clocks/monotonic-clock@0.2": monotonicClock02,
  "wasi:clocks/wall-clock@0.2": wallClock,
  "wasi:random/random@0.2": random,
  "wasi:random/insecure@0.2": insecure,
  "wasi:random/insecure-seed@0.2": insecureSeed,
  "wasi:cli/environment@0.2": environment,
  "wasi:cli/exit@0.2": exit,
  "wasi:cli/stdin@0.2": input,
  "wasi:cli/stdout@0.2": output("stdout", "getStdout"),
  "wasi:cli/stderr@0.2": output("stderr", "getStderr"),
  "wasi:http/types@0.2": http02.types,
  "wasi:http/outgoing-handler@0.2": http02.outgoingHandler,
  "wasi:clocks/types@0.3": nothing,
  "wasi:clocks/monotonic-clock@0.3": monotonicClock,
  "wasi:clocks/system-clock@0.3": systemClock,
  "wasi:random/random@0.3": random,
  "wasi:random/insecure@0.3": insecure,
  "wasi:random/insecure-seed@0.3": insecureSeed,
  "wasi:cli/types@0.3": nothing,
  "wasi:cli/environment@0.3": environment,
  "wasi:cli/exit@0.3": exit,
  "wasi:cli/stdin@0.3": noInput,
  "wasi:cli/stdout@0.3": writer("stdout"),
  "wasi:cli/stderr@0.3": writer("stderr"),
  "wasi:http/types@0.3": () => types,
  "wasi:http/client@0.3": client,
  "wasi:config/store@0.2-rc.1": config,
  "wasi:keyvalue/store@0.2-draft": store,
  "wasi:keyvalue/atomics@0.2-draft": atomics,
  "wasi:keyvalue/batch@0.2-draft": batch,
  "selvedge:keyvalue/store@0.1": keyvalue,
  "selvedge:durable/types@0.1": durableTypes,
  "selvedge:durable/self@0.1": self,
  "selvedge:durable/storage@0.1": storage,
  "selvedge:durable/sql@0.1": sql,
  "selvedge:durable/alarms@0.1": alarms,
  "selvedge:durable/namespace@0.1": namespace,
};
for (const version of ["0.2", "0.3"]) {
  for (const [name, make] of Object.entries(terminal)) TABLE[`wasi:cli/${name}@${version}`] = make;
  for (const [name, make] of Object.entries(filesystem)) TABLE[`wasi:filesystem/${name}@${version}`] = make;
  for (const [name, make] of Object.entries(sockets)) TABLE[`wasi:sockets/${name}@${version}`] = make;
}

/** The imports of an instance. */
export function imports(instance) {
  return new Imports(instance);
}

class Imports {
  #instance;
  constructor(instance) {
    this.#instance = instance;
    // The interfaces of objects that it may call differ from component to component.
    Object.assign(this, stubs(instance));
  }
  get "selvedge:runtime"() {
    return this.#instance.runtime;
  }
  /** What the table makes for this instance. */
  static made(imports, make) {
    return make(imports.#instance);
  }
}
for (const [name, make] of Object.entries(TABLE)) {
  Object.defineProperty(Imports.prototype, name, {
    get() {
      return Imports.made(this, make);
    },
  });
}
