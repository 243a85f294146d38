// THE SEAM to what turns a component into JavaScript: a component goes in, and one ES module with
// `instantiate(getCoreModule, imports, instantiateCore)` and its core modules come out. Nobody else knows that
// jco does it; another back end would take the place of this file and edits.mjs.
//
// What the module asks of its imports: an object by interface, such as `wasi:http/types@0.3`, with the functions
// in camel case and the resources as classes; and `selvedge:runtime`: a scheduler (glue/scheduler.js), and `failed(error)`, which is told of every failure of a task.

import { transpileBytes as jco } from "@bytecodealliance/jco-transpile";
import { edit } from "./edits.mjs";

/** Why a component could not be transpiled. */
export class TranspileError extends Error {}

/**
 * Turns a component into JavaScript.
 * @param {Uint8Array} component the composed component
 * @param {{ imports: string[], asyncImports: string[], asyncExports: string[] }} of its imports by full name, and those
 *   functions which are synchronous for the guest and asynchronous for the host
 * @returns {Promise<{ text: string, modules: Map<string, Uint8Array> }>}
 */
export async function transpile(component, { imports, asyncImports, asyncExports }) {
  let files;
  try {
    ({ files } = await jco(component, {
      name: "component",
      instantiation: "async",
      asyncMode: "jspi",
      asyncImports,
      asyncExports,
      map: Object.fromEntries(imports.map((name) => [name, withoutPatch(name)])),
      nodejsCompat: false,
      emitTypescriptDeclarations: false,
    }));
  } catch (error) {
    throw new TranspileError(firstLine(error));
  }
  const modules = new Map();
  let text;
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith(".wasm")) modules.set(name, content);
    else if (name.endsWith(".js") && !name.includes("/")) text = new TextDecoder().decode(content);
  }
  if (text === undefined) throw new TranspileError("jco wrote no JavaScript");
  const edited = edit(text);
  for (const [name, bytes] of edited.modules) modules.set(name, bytes);
  return { text: edited.text, modules };
}

/** `wasi:http/types@0.3.2` as `wasi:http/types@0.3`: a host offers one of the versions that are compatible. */
export function withoutPatch(name) {
  return name.replace(/@(0\.\d+|[1-9]\d*)\.[^#-]*(-[^#]*)?/, "@$1$2");
}

function firstLine(error) {
  const text = error instanceof Error ? error.message : String(error?.payload ?? error);
  return text.trim().split("\n")[0] || "jco failed without a word";
}
