// Of the edits of edits.mjs, those that keep bytes of streams together.
//
// jco's runtime moves the items of a stream as arrays of JavaScript values, one by one, whatever they are. For
// bytes, which bodies are made of, a `Uint8Array` does as well in all of these places.

// jco emits each of these only for components that use it, and then whole. A name alone might be one of the component's own.
const BUFFER = /#hostOnlyData\b/;
const STREAM = /\basync writeMany\(values\b/;
const SOURCE = /\bpendingValues\.prepend\(/;
const READ = SOURCE;

/** @type {import("./edits.mjs").Edit[]} */
export const BYTES_EDITS = [
  {
    name: "bytes are read from memory at once",
    find: /values = Array\.from\((new Uint8Array\(this\.#memory\.buffer, this\.#ptr, count\))\);/g,
    put: "values = $1.slice();",
    where: BUFFER,
    times: [1, 1],
  },
  {
    name: "a buffer of the host's may hold bytes",
    find: /(args\.data !== undefined && !Array\.isArray\(args\.data\))/g,
    put: "$1 && !(args.data instanceof Uint8Array)",
    where: BUFFER,
    times: [1, 1],
  },
  {
    name: "bytes may be written to a buffer",
    find: /(if \(!Array\.isArray\(values\))(\) \{ throw new TypeError\('values input to write\(\) must be an array')/g,
    put: "$1 && !(values instanceof Uint8Array)$2",
    where: BUFFER,
    times: [1, 1],
  },
  {
    name: "the first bytes of a buffer stay what they are",
    find: /this\.#hostOnlyData = this\.#hostOnlyData\.concat\(values\);/g,
    put: "this.#hostOnlyData = this.#hostOnlyData.length === 0 ? values : [...this.#hostOnlyData, ...values];",
    where: BUFFER,
    times: [1, 1],
  },
  {
    name: "bytes may be written to a stream",
    find: /(if \(!Array\.isArray\(values\))(\) \{ throw new TypeError\("writeMany values must be an array")/g,
    put: "$1 && !(values instanceof Uint8Array)$2",
    where: STREAM,
    times: [1, 1],
  },
  {
    name: "bytes of a source are taken without being copied",
    find: /(\n\s*drainInto\(target, maxCount\) \{)/g,
    put: `
    take(target, maxCount) {
      const chunk = this.#chunks[0];
      if (!(chunk instanceof Uint8Array)) {
        if (!(target instanceof Uint8Array)) this.drainInto(target, maxCount);
        return target;
      }
      if (target.length > 0) return target;
      const bytes = chunk.subarray(this.#offset, this.#offset + maxCount);
      this.#offset += bytes.length;
      this.#length -= bytes.length;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
      return bytes;
    }
$1`,
    where: SOURCE,
    times: [1, 1],
  },
  {
    name: "a read takes what a source gave",
    find: /count -= pendingValues\.drainInto\(values, count\);/g,
    put: "const taken = values.length; values = pendingValues.take(values, count); count -= values.length - taken;",
    where: READ,
    times: [1, 1],
  },
  { name: "what a read takes may be bytes", find: /const (values = \[\];\s*const hasPendingReadBuffer)/g, put: "let $1", where: READ, times: [1, 1] },
  {
    name: "a cancelled read takes what a source gave",
    find: /const cancelValues = \[\];\s*pendingValues\.drainInto\(cancelValues, buffer\.remaining\(\)\);/g,
    put: "const cancelValues = pendingValues.take([], buffer.remaining());",
    where: READ,
    times: [1, 1],
  },
  {
    // It would wait for the source's next bytes while it has some: in a dialogue, for ever.
    name: "a read gives what there is",
    find: /while \(count > 0 && !pendingValues\.done\) \{/g,
    put: "while (count > 0 && !pendingValues.done && (values.length === 0 || pendingValues.sourceIsSync)) {",
    where: READ,
    times: [1, 1],
  },
  {
    name: "a stream ends after its last bytes",
    find: /await writeValues\(values, pendingValues\.done\);/g,
    put: "await writeValues(values, pendingValues.done && pendingValues.length === 0);",
    where: READ,
    times: [1, 1],
  },
];
