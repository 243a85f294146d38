// Which functions may make a component wait though they are synchronous to it.
//
// Such a function is called by way of JSPI: the component's stack is put aside until a promise is settled. jco has
// to know them when it transpiles. Its names are those of the component, with the version or without it
// (`wasi:io/poll#poll`, `demo:app/things@0.1.0#[method]thing.act`); those that `map` gives do not match.
//
// What waits costs a promise at every call, and traps where the component's caller cannot wait (an object's
// constructor). So nothing is listed that the host always answers at once.

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
 * The functions that have to be told to jco.
 * @param {string[]} interfaces what the component imports, by full name
 * @param {{ imported: Function[], exported: Function[] }} functions its synchronous functions
 *
 * @typedef {{ interface: string, name: string }} Function an interface by full name, and a function as the component calls it
 */
export function suspending(interfaces, { imported, exported }) {
  const isThere = (name) => interfaces.some((there) => there.startsWith(name));
  const rows = WASI.filter(({ needs }) => needs.length === 0 || needs.some(isThere));
  const full = (func) => `${func.interface}#${func.name}`;
  return {
    asyncImports: [
      ...rows.flatMap(({ names }) => names),
      // A call of an object is a message to it. Making a stub is none: it only holds the object's name.
      ...imported.filter((func) => !OURS.test(func.interface) && !isConstructor(func)).map(full),
    ],
    // Whatever the host calls may call what waits. `new` cannot: JavaScript gives the object itself, and no promise of it.
    asyncExports: exported.filter((func) => !isConstructor(func)).map(full),
  };
}

function isConstructor({ name }) {
  return name.startsWith("[constructor]");
}
