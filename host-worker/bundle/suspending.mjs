// Which functions may make a component wait though they are synchronous to it.
//
// Such a function is called by way of JSPI: the component's stack is put aside until a promise is settled. A component that
// calls none is never called by way of JSPI itself, which costs a promise at every call. So nothing is listed that the host
// always answers at once.

/**
 * A function of WASI that the host answers later, why, and what a component must import (`needs`, one of them) for that
 * to happen: without a source of things that take time, streams and pollables are those of the standard output,
 * and always ready.
 */
const WASI = [
  {
    names: ["wasi:io/poll#poll", "wasi:io/poll#[method]pollable.block"],
    needs: ["wasi:clocks/monotonic-clock@0.2", "wasi:http/types@0.2"],
    reason: "timers, and bodies and responses that come from the network",
  },
  {
    names: ["wasi:io/streams#[method]input-stream.blocking-read", "wasi:io/streams#[method]input-stream.blocking-skip"],
    needs: ["wasi:http/types@0.2"],
    reason: "a body comes from the network; standard input is empty",
  },
  {
    names: [
      "wasi:io/streams#[method]output-stream.blocking-write-and-flush",
      "wasi:io/streams#[method]output-stream.blocking-flush",
      "wasi:io/streams#[method]output-stream.blocking-write-zeroes-and-flush",
    ],
    needs: ["wasi:http/types@0.2"],
    reason: "a body waits for whoever reads it; standard output takes everything",
  },
  {
    names: ["wasi:io/streams#[method]output-stream.blocking-splice"],
    needs: [],
    reason: "reads and writes, one after the other",
  },
  {
    names: [
      "wasi:keyvalue/store#open",
      "wasi:keyvalue/store#[method]bucket.get",
      "wasi:keyvalue/store#[method]bucket.set",
      "wasi:keyvalue/store#[method]bucket.delete",
      "wasi:keyvalue/store#[method]bucket.exists",
      "wasi:keyvalue/store#[method]bucket.list-keys",
      "wasi:keyvalue/atomics#increment",
      "wasi:keyvalue/batch#get-many",
      "wasi:keyvalue/batch#set-many",
      "wasi:keyvalue/batch#delete-many",
    ],
    needs: [],
    reason: "the draft is synchronous, and the platform's stores are not",
  },
];

/** Packages whose functions the table above speaks for; every other interface that is imported is an object's. */
const OURS = /^(wasi|selvedge):/;

/**
 * The functions that may make a component wait, of those that it imports.
 * @param {[string, string][]} imports interfaces by full name, and what is imported of each
 * @returns {string[]} as `interface#function`
 */
export function suspending(imports) {
  const isThere = (name) => imports.some(([from]) => from.startsWith(name));
  const rows = WASI.filter(({ needs }) => needs.length === 0 || needs.some(isThere));
  const known = new Set(rows.flatMap(({ names }) => names));
  const waits = ([from, name]) => {
    if (OURS.test(from)) return known.has(`${from.replace(/@.*/, "")}#${name}`);
    // A call of an object is a message to it. Making a stub is none: it only holds the object's name.
    return !name.startsWith("[constructor]");
  };
  return imports.filter(waits).map(([from, name]) => `${from}#${name}`);
}
