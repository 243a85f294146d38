// The module of a component: its core modules, held to their memory, and the description by which glue/component runs them.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MemoryError, boundMemory } from "./memory.mjs";
import { suspending } from "./suspending.mjs";

/** Why a component cannot be run in a Worker. */
export class ComponentError extends Error {}

/**
 * @param {{ id: string, parts: string, memory_bytes: number }} module of the plan: `parts` is a folder with `description.json` and the
 *   core modules by their number
 * @returns {Promise<Map<string, string | Uint8Array>>} files by name
 */
export async function moduleFiles({ id, parts, memory_bytes: memoryBytes }) {
  const description = JSON.parse(await readFile(join(parts, "description.json"), "utf8"));
  const { modules } = description;
  delete description.modules;
  const files = new Map();
  let code = "";
  for (const index of modules) {
    const name = `${id}.${index}.wasm`;
    files.set(name, bounded(await readFile(join(parts, `${index}.wasm`)), memoryBytes));
    code += `import c${index} from "./${name}";\n`;
  }
  code += `export const cores = { ${modules.map((index) => `${index}: c${index}`).join(", ")} };\n`;
  code += `export const waits = ${JSON.stringify(suspending(description.imports))};\n`;
  code += `export const description = ${JSON.stringify(description)};\n`;
  return files.set(`${id}.js`, code);
}

function bounded(bytes, memoryBytes) {
  try {
    return boundMemory(bytes, memoryBytes);
  } catch (error) {
    if (error instanceof MemoryError) throw new ComponentError(error.message);
    throw error;
  }
}
