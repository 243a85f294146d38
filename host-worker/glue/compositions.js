// The services and classes of objects of this bundle, with their modules.

import { app, modules } from "../app.js";
import { Program } from "./component/program.js";
import { ask02 } from "../linked.js";

/** By the index that the Rust host knows them by. */
export const compositions = app.compositions.map((described, index) => {
  const module = modules[described.module];
  let program;
  return {
    ...described,
    index,
    ask: askOf(Object.keys(module.description.exports)),
    /** Made when it is first used: an app may have many. */
    get program() {
      return (program ??= new Program(module.description, module.cores, module.waits));
    },
  };
});

/** How a component of these exports is asked to answer a request. */
function askOf(names) {
  const handler = names.find((name) => name.startsWith("wasi:http/handler@0.3"));
  if (handler !== undefined) return (instance, request) => instance.exports[handler].handle(request);
  const incoming = names.find((name) => name.startsWith("wasi:http/incoming-handler@0.2"));
  if (incoming !== undefined) return (instance, request) => ask02(instance, instance.exports[incoming], request);
  return undefined;
}
