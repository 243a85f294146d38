// Of the edits of edits.mjs, those that let an object be made by `new`.
//
// For some components (those of Go: their runtime can wait in any function) jco emits every export so that it may
// wait, the constructor of a resource among them. JavaScript has no constructor that waits: the module would not even
// be parsed. A constructor is a synchronous function, so here it is what jco emits for the others. One that waits all the
// same, by a timer of WASI 0.2, is trapped: V8 cannot put aside what was not called by way of JSPI.

/** A constructor that waits, as jco begins it. */
export const WAITS = /\bconstructor\([\w, ]*\) \{\s*const hostProvided = false;(?:(?!isManualAsync)[\s\S])*?isManualAsync: true,/;
const PROMISING = /WebAssembly\.promising\((exports\d+\['(?!cabi_post_)[^']*#\[constructor\][^']*'\])\)/;

/** How many constructors a component may have: it exports one or two resources, and more are no error. */
const SOME = /** @type {[number, number]} */ ([1, 64]);

/** @type {import("./edits.mjs").Edit[]} */
export const CONSTRUCTOR_EDITS = [
  {
    name: "a constructor does not wait",
    // From the first line that tells it waits to the last: jco emits them in this order, and nothing between two constructors has them all.
    find: new RegExp(
      [
        /(\bconstructor\([\w, ]*\) \{\s*const hostProvided = false;(?:(?!isManualAsync)[\s\S])*?isManualAsync: )true(,[\s\S]*?)/,
        /const started = await task\.enter\(\);\s*if \(!started\) \{[\s\S]*?throw new Error\("failed to enter task"\);\s*\}/,
        /([\s\S]*?return )await _withGlobalCurrentTaskMetaAsync(\(\{[\s\S]*?fn: )async (\(\) => \{[\s\S]*?ret = ) await (_withGlobalCurrentTaskMeta\()/,
        /([\s\S]*?error during )async( call'[\s\S]*?)return task\.completionPromise\(\);/,
      ].map(({ source }) => source).join(""),
      "g",
    ),
    put: "$1false$2const started = task.enterSync();$3_withGlobalCurrentTaskMeta$4$5$6$7sync$8throw err;",
    where: PROMISING,
    times: SOME,
  },
  {
    name: "what a constructor calls does not wait",
    find: new RegExp(PROMISING, "g"),
    put: "$1",
    where: WAITS,
    times: SOME,
  },
];
