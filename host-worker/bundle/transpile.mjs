// THE SEAM to what turns a component into JavaScript: a component goes in, and one ES module with
// `instantiate(getCoreModule, imports, instantiateCore)` and its core modules come out. Nobody else knows that
// jco does it; another back end would take the place of this file and edits.mjs.
//
// What the module asks of its imports: an object by interface, such as `wasi:http/types@0.3`, with the functions
// in camel case and the resources as classes; and `selvedge:runtime`: a scheduler (glue/scheduler.js), and `failed(error)`, which is told of every failure of a task.

import { transpileBytes as jco } from "@bytecodealliance/jco-transpile";
import { edit, functionsOf } from "./edits.mjs";
import { MemoryError, boundMemory } from "./memory.mjs";
import { suspending } from "./suspending.mjs";

/** Why a component could not be transpiled. */
export class TranspileError extends Error {}

/**
 * Turns a component into JavaScript.
 * @param {Uint8Array} component the composed component
 * @param {{ imports: string[], memoryBytesMax: number }} of the interfaces that it imports, by full name, and what each
 *   of its memories may hold
 * @returns {Promise<{ text: string, modules: Map<string, Uint8Array> }>}
 */
export async function transpile(component, { imports, memoryBytesMax }) {
  const none = { imported: [], exported: [] };
  const told = suspending(imports, none);
  let emitted = await emit(component, imports, told);
  // Which functions there are beside those of WASI, the text tells; where they may wait, it is emitted once more.
  const more = suspending(imports, functionsOf(emitted.text));
  if (more.asyncImports.length > told.asyncImports.length || more.asyncExports.length > told.asyncExports.length) {
    emitted = await emit(component, imports, more);
  }
  const edited = edit(emitted.text);
  const modules = new Map();
  for (const [name, bytes] of [...emitted.modules, ...edited.modules]) modules.set(name, bounded(bytes, memoryBytesMax));
  return { text: edited.text, modules };
}

function bounded(bytes, memoryBytesMax) {
  try {
    return boundMemory(bytes, memoryBytesMax);
  } catch (error) {
    if (error instanceof MemoryError) throw new TranspileError(error.message);
    throw error;
  }
}

/** What jco writes. */
async function emit(component, imports, { asyncImports, asyncExports }) {
  let files;
  try {
    ({ files } = await jco(component, {
      name: "component",
      instantiation: "async",
      asyncMode: "jspi",
      asyncImports,
      asyncExports,
      map: Object.fromEntries(imports.map((name) => [name, withoutPatch(name)])),
      // What a guest answers as `err` is thrown with a `payload`, and can be told from a trap.
      noComponentErrorWrapping: false,
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
  return { text, modules };
}

/** `wasi:http/types@0.3.2` as `wasi:http/types@0.3`: a host offers one of the versions that are compatible. */
export function withoutPatch(name) {
  return name.replace(/@(0\.\d+|[1-9]\d*)\.[^#-]*(-[^#]*)?/, "@$1$2");
}

function firstLine(error) {
  const text = error instanceof Error ? error.message : String(error?.payload ?? error);
  return text.trim().split("\n")[0] || "jco failed without a word";
}
