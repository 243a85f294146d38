// What is changed in the text that jco emits, and why: this file and transpile.mjs are all that knows it.
//
// Every edit says how often its place must be found. Where a release of jco emits other text, the count
// differs and the bundle stops with the edit's name: nothing is ever half changed. The counts are those of
// jco-transpile 0.15.0 (package.json pins it).
//
// Why these edits. jco's runtime waits by looking again every few milliseconds (`setTimeout(…, 10)`,
// `setInterval`). In a Worker that costs 15 ms a request. Here each such wait is parked with a scheduler
// (glue/scheduler.js), which looks again in the next turn of the event loop after something has become ready.
// `wake` stands where readiness changes: an event is set, a tick loop is asked for (jco does that whenever an
// import that it waits for has settled), backpressure changes.

import { BYTES_EDITS } from "./bytes_edits.mjs";
import { CONSTRUCTOR_EDITS, WAITS } from "./constructor_edits.mjs";
import { makeLazy } from "./lazy_edits.mjs";

/**
 * One change of text: `find` becomes `put`, and is there as often as `times` says ([least, most]); where `where` is given, only
 * in text that has this, which is emitted for some components alone, and nowhere else.
 * @typedef {{ name: string, find: RegExp, put: string, where?: RegExp, times: [number, number] }} Edit
 */

/** @type {Edit[]} */
const EDITS = [
  // --- waiting ---------------------------------------------------------------------------------
  {
    name: "a tick loop begins in the next turn",
    find: /(this\.#tickLoop = 1;\s*)setTimeout\((async \(\) => \{[\s\S]*?this\.#tickLoop = null;\s*\}), 10\);/g,
    put: "$1__runtime.soon($2);",
    times: [1, 1],
  },
  {
    name: "an idle tick loop is parked",
    find: /await new Promise\(\(resolve\) => setTimeout\(resolve, delay\)\);/g,
    put: "await new Promise((resolve) => __runtime.pause(resolve, delay));",
    times: [1, 1],
  },
  {
    name: "a wait is parked",
    find: /(let waitInterval|const interval) = setInterval\(/g,
    put: "$1 = __runtime.park(",
    times: [1, 6],
  },
  {
    name: "a wait ends",
    find: /clearInterval\((waitInterval|interval)\)/g,
    put: "__runtime.unpark($1)",
    times: [1, 6],
  },
  { name: "an event wakes", find: /(\n\s*setPendingEvent\(fn\) \{)/g, put: "$1 __runtime.wake();", times: [1, 3] },
  { name: "a tick loop wakes", find: /(async runTickLoop\(\) \{)/g, put: "$1 __runtime.wake();", times: [1, 1] },
  {
    name: "backpressure wakes",
    find: /(\n\s*setBackpressure\(v\) \{)/g,
    put: "$1 __runtime.wake();",
    times: [1, 1],
  },
  {
    // A lock that finds itself taken queues itself again as a microtask, for ever: no timer and no I/O gets a
    // turn any more. Whoever releases the lock hands it on anyway, so there is nothing to queue.
    name: "a lock that is taken does not spin",
    find: /(if \(this\.#lockHolderTaskID !== null\) \{\s*)this\.#scheduleLockHandoff\(\);(\s*return;)/g,
    put: "$1$2",
    times: [1, 1],
  },

  // --- trapping --------------------------------------------------------------------------------
  {
    // What a task does after it has answered fails without anybody who waits for it.
    name: "a failure of a task is told",
    find: /(const handleError = \(err\) => \{)/g,
    put: "$1 __runtime.failed(err);",
    where: /\bconst handleError\b/,
    times: [1, 1],
  },

  // --- values --------------------------------------------------------------------------------------
  {
    name: "a character is lowered by its code point",
    find: /setUint32\(ctx\.storagePtr, i32ToChar\(ctx\.vals\[0\]\), true\)/g,
    put: "setUint32(ctx.storagePtr, ctx.vals[0].codePointAt(0), true)",
    where: /function _lowerFlatChar\(/,
    times: [1, 1],
  },
  {
    name: "a character beyond the basic plane is lifted whole",
    find: /return String\.fromCharCode\(n\);/g,
    put: "return String.fromCodePoint(n);",
    where: /function i32ToChar\(/,
    times: [1, 1],
  },
  {
    name: "the character of code point 0 is one",
    find: /if \(!n \|\| typeof n !== 'number'\) \{ throw new Error\('invalid i32'\); \}/g,
    put: "if (typeof n !== 'number') { throw new Error('invalid i32'); }",
    where: /function i32ToChar\(/,
    times: [1, 1],
  },

  {
    // An option within an option is lifted as { tag: "none" }, and lowered only with a `val` beside that.
    name: "an option in an option may be none",
    find: /\|\| Object\.keys\(v\)\.length !== 2(\s*\|\| !\('tag' in v\)\s*\|\| !\(v\.tag === 'some' \|\| v\.tag === 'none'\)\s*)\|\| !\('val' in v\);/g,
    put: "|| Object.keys(v).length > 2$1|| (v.tag === 'some' && !('val' in v));",
    where: /\bconst isNotOptionObject\b/,
    times: [1, 1],
  },

  // --- what costs and brings nothing -----------------------------------------------------------
  {
    // Off, it still makes its arguments at every call; the bundler drops calls of a function that is pure.
    name: "nothing is logged for jco's developers",
    find: /const _debugLog = \(\.\.\.args\) => \{\s*if \(!globalThis\?\.process\?\.env\?\.JCO_DEBUG\) \{ return; \}\s*console\.debug\(\.\.\.args\);\s*\};/g,
    put: "const _debugLog = () => {};",
    times: [1, 1],
  },

  ...BYTES_EDITS,
  ...CONSTRUCTOR_EDITS,

  // --- the seam --------------------------------------------------------------------------------
  {
    name: "each instance has a scheduler of its own",
    find: /(export function instantiate\(getCoreModule, imports[^{]*\{)/g,
    put: '$1\n  const __runtime = imports["selvedge:runtime"], setTimeout = __runtime.timeout;',
    times: [1, 1],
  },
];

/** The calls of timers that are left, which the scheduler counts: each defers something by a turn, and only what a component uses is emitted. */
const TIMEOUTS_LEFT = [1, 5];

/** Why the text of a component cannot be edited: jco emitted something else than it used to. */
export class EditError extends Error {}

/**
 * Makes the text that jco emitted for a component fit for a Worker.
 * @param {string} text the module that jco emitted
 * @returns {{ text: string, modules: Map<string, Uint8Array> }} the module, and the core modules whose bytes stood in it,
 *   by the name under which `getCoreModule` has to give them
 * @throws {EditError} where a place is not found as often as it must be
 */
export function edit(text) {
  const emitted = text;
  for (const { name, find, put, where, times } of EDITS) {
    const found = text.match(find)?.length ?? 0;
    expect(name, found, where === undefined || where.test(emitted) ? times : [0, 0]);
    text = text.replace(find, put);
  }
  const modules = new Map();
  text = takeModulesOut(text, modules);
  expect("constructors that wait are left", WAITS.test(text) ? 1 : 0, [0, 0]);
  expect("no interval is left", text.match(/\bsetInterval\(/g)?.length ?? 0, [0, 0]);
  const timeouts = text.split("\n").filter((line) => /\bsetTimeout\(/.test(line) && !line.trim().startsWith("//"));
  expect("timers that are left", timeouts.length, TIMEOUTS_LEFT);
  expect("no module is compiled while serving", text.match(/new WebAssembly\.Module\(/g)?.length ?? 0, [0, 0]);
  const lazy = makeLazy(text);
  expect("an instance is made", lazy === undefined ? 0 : 1, [1, 1]);
  return { text: lazy, modules };
}

/**
 * The functions that a component calls and offers synchronously, which the text tells: those of imports stand by the
 * words with which jco logs that it calls them, those of exports likewise.
 * @returns {{ imported: Function[], exported: Function[] }} see suspending.mjs
 * @throws {EditError} where the text has none of these words
 */
export function functionsOf(text) {
  const logged = /\[iface="([^"]+)", function="([^"]+)"\] ?\[Instruction::(?:(CallInterface)\] \((async|sync), |(CallWasm)\] enter', \{[^}]*?\basync: (true|false),)/g;
  const imported = [];
  const exported = [];
  let found = 0;
  for (const [, from, name, isImport, importKind, , exportIsAsync] of text.matchAll(logged)) {
    found++;
    const isSync = isImport ? importKind === "sync" : exportIsAsync === "false";
    if (isSync) (isImport ? imported : exported).push({ interface: from, name });
  }
  expect("calls are logged", found, [1, Infinity]);
  return { imported, exported };
}

/** A Worker may not compile: bytes of core modules that stand in the text become modules of the bundle. */
function takeModulesOut(text, modules) {
  return text.replace(/new WebAssembly\.Module\(new Uint8Array\(\[([\s\d,xa-fA-F]*)\]\)\)/g, (_, bytes) => {
    const name = `inline${modules.size}.wasm`;
    modules.set(name, Uint8Array.from(bytes.split(",").map((byte) => byte.trim()).filter((byte) => byte !== ""), Number));
    return `getCoreModule(${JSON.stringify(name)})`;
  });
}

function expect(name, found, [least, most]) {
  if (found < least || found > most) {
    const expected = least === most ? `${least}` : `${least} to ${most}`;
    throw new EditError(`what jco emitted is not what is known of it: "${name}" was found ${found} times, and ${expected} is expected`);
  }
}
