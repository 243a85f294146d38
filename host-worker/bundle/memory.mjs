// Holds the memories of a component's core modules to the service's bound.
//
// Every memory gets the bound as its maximum: beyond it, `memory.grow` answers -1. A guest that cannot go on without
// then ends by a trap like any other, and the host has to know why: each `memory.grow` becomes a call of a function
// that does the same, and notes in an exported global that it was refused.
//
// A composed component has several memories, and each is held to the whole bound: what they have together is
// looked at when it asks the host for something (glue/guest.js). Functions, types and globals are added at the end, so no
// index changes.

import { Reader, UnknownWasm, sections, skipImmediates, unsigned } from "./wasm.mjs";

/** The exported global that is 1 after growth was refused; glue/guest.js looks at it. */
const REFUSED = "selvedge:growth-refused";
/** By this name and its number, a memory of a module's own is exported for glue/guest.js. */
const MEMORY_NAME = "selvedge:memory-";
const PAGE_BYTES = 65536;
const [TYPE, IMPORT, FUNCTION, MEMORY, GLOBAL, EXPORT, CODE] = [1, 2, 3, 5, 6, 7, 10];
/** The order of sections (custom ones, 0, stand anywhere). */
const ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
const IS_64 = 4;

/** A component needs more memory to start than it may have. */
export class MemoryError extends Error {}

/**
 * A core module whose memories are bounded.
 * @param {Uint8Array} bytes
 * @param {number} bytesMax
 * @throws {MemoryError}
 */
export function boundMemory(bytes, bytesMax) {
  const module = new Rewrite(bytes);
  const memories = module.boundMemories(Math.floor(bytesMax / PAGE_BYTES));
  if (memories.length === 0) return bytes;
  const exported = module.memoryExports();
  try {
    exported.push(...module.noteRefusals(memories));
  } catch (error) {
    // What has instructions that are newer than wasm.mjs is bounded all the same; its failure is called a trap then.
    if (!(error instanceof UnknownWasm)) throw error;
    module.forget([TYPE, FUNCTION, GLOBAL, CODE]);
  }
  module.addExports(exported);
  return module.written();
}

class Rewrite {
  #bytes;
  #sections;
  /** The new contents of sections, by their ids. */
  #changed = new Map();

  constructor(bytes) {
    this.#bytes = bytes;
    this.#sections = sections(bytes);
  }

  /** Gives each memory of the module's own a maximum. Returns the flags of all its memories, imported ones first. */
  boundMemories(pagesMax) {
    const memories = [];
    this.#imported = this.#readImports(memories);
    const reader = this.#reader(MEMORY);
    if (reader === undefined) return memories;
    const entries = [];
    reader.each(() => {
      const { flags, least, most = Infinity } = reader.limits();
      if (least > pagesMax) {
        throw new MemoryError(`it starts with ${least * PAGE_BYTES} bytes of memory, and memory-bytes allows ${pagesMax * PAGE_BYTES}`);
      }
      memories.push(flags);
      entries.push([flags | 1, ...unsigned(least), ...unsigned(Math.min(most, pagesMax))]);
    });
    this.#changed.set(MEMORY, [...unsigned(entries.length), ...entries.flat()]);
    return memories;
  }
  #imported;

  /** The exports by which the host finds the module's own memories. */
  memoryExports() {
    const { memories } = this.#imported;
    return Array.from({ length: this.#count(MEMORY) }, (_, index) => exportOf(`${MEMORY_NAME}${index}`, 2, memories + index));
  }

  addExports(exported) {
    this.#append(EXPORT, exported);
  }

  /** Makes every `memory.grow` tell where it was refused. Returns the exports by which it does. */
  noteRefusals(memories) {
    const types = this.#reader(TYPE);
    let typeCount = types?.each(() => skipFunctionType(types)) ?? 0;
    const functions = this.#count(FUNCTION);
    const global = this.#imported.globals + this.#count(GLOBAL);
    /** The function that grows a memory, by the memory. */
    const growers = memories.map((_, index) => this.#imported.functions + functions + index);
    if (!this.#rewriteCode(growers, memories.map((flags, memory) => growerBody(flags, memory, global)))) return [];
    const valueTypes = memories.map((flags) => (flags & IS_64 ? 0x7e : 0x7f));
    this.#append(TYPE, valueTypes.map((type) => [0x60, 1, type, 1, type]));
    this.#append(FUNCTION, valueTypes.map(() => unsigned(typeCount++)));
    this.#append(GLOBAL, [[0x7f, 1, 0x41, 0, 0x0b]]);
    return [exportOf(REFUSED, 3, global)];
  }

  /** Says whether there was anything to rewrite. */
  #rewriteCode(growers, added) {
    const reader = this.#reader(CODE);
    if (reader === undefined) return false;
    const bodies = [];
    let found = false;
    reader.each(() => {
      const length = reader.unsigned();
      const body = callGrowers(new Reader(this.#bytes, reader.at, reader.at + length), growers);
      found ||= body !== undefined;
      bodies.push(body ?? this.#bytes.subarray(reader.at, reader.at + length));
      reader.skip(length);
    });
    if (!found) return false;
    const all = [...bodies, ...added.map((body) => Uint8Array.from(body))];
    this.#changed.set(CODE, concat([unsigned(all.length), ...all.flatMap((body) => [unsigned(body.length), body])]));
    return true;
  }

  /** Takes back what was changed. */
  forget(ids) {
    for (const id of ids) this.#changed.delete(id);
  }

  /** The module as it is now. */
  written() {
    const parts = [this.#bytes.subarray(0, 8)];
    const put = (id, content) => parts.push([id, ...unsigned(content.length)], content);
    const left = new Map([...this.#changed].sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b)));
    for (const { id, start, end } of this.#sections) {
      for (const [added, content] of left) {
        if (id === 0 || ORDER.indexOf(added) >= ORDER.indexOf(id)) break;
        put(added, content);
        left.delete(added);
      }
      put(id, left.get(id) ?? this.#bytes.subarray(start, end));
      left.delete(id);
    }
    for (const [id, content] of left) put(id, content);
    return concat(parts);
  }

  #readImports(memories) {
    const count = { functions: 0, memories: 0, globals: 0 };
    const reader = this.#reader(IMPORT);
    reader?.each(() => {
      reader.skipName();
      reader.skipName();
      const kind = reader.byte();
      if (kind === 0) {
        reader.skipNumber();
        count.functions++;
      } else if (kind === 1) {
        reader.skipValueType();
        reader.limits();
      } else if (kind === 2) {
        memories.push(reader.limits().flags);
        count.memories++;
      } else if (kind === 3) {
        reader.skipValueType();
        reader.skip(1);
        count.globals++;
      } else if (kind === 4) {
        reader.skip(1);
        reader.skipNumber();
      } else throw new UnknownWasm(`an import is of the kind ${kind}`);
    });
    return count;
  }

  #reader(id) {
    const section = this.#sections.find((section) => section.id === id);
    return section && new Reader(this.#bytes, section.start, section.end);
  }

  #count(id) {
    return this.#reader(id)?.unsigned() ?? 0;
  }

  #append(id, entries) {
    const reader = this.#reader(id);
    const count = reader?.unsigned() ?? 0;
    const old = reader ? this.#bytes.subarray(reader.at, reader.end) : [];
    this.#changed.set(id, concat([unsigned(count + entries.length), old, ...entries]));
  }
}

function exportOf(text, kind, index) {
  const name = new TextEncoder().encode(text);
  return [...unsigned(name.length), ...name, kind, ...unsigned(index)];
}

function skipFunctionType(reader) {
  if (reader.byte() !== 0x60) throw new UnknownWasm("a type is not one of a function");
  reader.each(() => reader.skipValueType());
  reader.each(() => reader.skipValueType());
}

/** The body of a function with its growth replaced, where it has any. */
function callGrowers(reader, growers) {
  const { bytes, at: start, end } = reader;
  reader.each(() => {
    reader.skipNumber();
    reader.skipValueType();
  });
  const parts = [];
  let from = start;
  while (reader.at < end) {
    const at = reader.at;
    const code = reader.byte();
    if (code !== 0x40) {
      skipImmediates(code, reader);
      continue;
    }
    parts.push(bytes.subarray(from, at), [0x10, ...unsigned(growers[reader.unsigned()])]);
    from = reader.at;
  }
  return parts.length === 0 ? undefined : concat([...parts, bytes.subarray(from, end)]);
}

/** Grows a memory, notes where that was refused, and gives what `memory.grow` gave. */
function growerBody(flags, memory, global) {
  const [type, constant, equals] = flags & IS_64 ? [0x7e, 0x42, 0x51] : [0x7f, 0x41, 0x46];
  return [
    1, 1, type, // One local.
    0x20, 0, 0x40, ...unsigned(memory), 0x22, 1, // local.get 0, memory.grow, local.tee 1
    constant, 0x7f, equals, 0x04, 0x40, // -1, ==, if
    0x41, 1, 0x24, ...unsigned(global), // global.set 1
    0x0b, 0x20, 1, 0x0b, // end, local.get 1, end
  ];
}

function concat(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
