// Of the edits of edits.mjs, those that keep bytes of streams together.
//
// jco's runtime moves the items of a stream as arrays of JavaScript values, one by one, whatever they are. For
// bytes, which bodies are made of, a `Uint8Array` does as well in all of these places.

/** @type {import("./edits.mjs").Edit[]} */
export const BYTES_EDITS = [
  {
    name: "bytes are read from memory at once",
    find: /values = Array\.from\((new Uint8Array\(this\.#memory\.buffer, this\.#ptr, count\))\);/g,
    put: "values = $1.slice();",
    times: [0, 1],
  },
  {
    name: "a buffer of the host's may hold bytes",
    find: /(args\.data !== undefined && !Array\.isArray\(args\.data\))/g,
    put: "$1 && !(args.data instanceof Uint8Array)",
    times: [0, 1],
  },
  {
    name: "bytes may be written to a buffer",
    find: /(if \(!Array\.isArray\(values\))(\) \{ throw new TypeError\('values input to write\(\) must be an array')/g,
    put: "$1 && !(values instanceof Uint8Array)$2",
    times: [0, 1],
  },
  {
    name: "the first bytes of a buffer stay what they are",
    find: /this\.#hostOnlyData = this\.#hostOnlyData\.concat\(values\);/g,
    put: "this.#hostOnlyData = this.#hostOnlyData.length === 0 ? values : [...this.#hostOnlyData, ...values];",
    times: [0, 1],
  },
  {
    name: "bytes may be written to a stream",
    find: /(if \(!Array\.isArray\(values\))(\) \{ throw new TypeError\("writeMany values must be an array")/g,
    put: "$1 && !(values instanceof Uint8Array)$2",
    times: [0, 1],
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
    times: [0, 1],
  },
  {
    name: "a read takes what a source gave",
    find: /count -= pendingValues\.drainInto\(values, count\);/g,
    put: "const taken = values.length; values = pendingValues.take(values, count); count -= values.length - taken;",
    times: [0, 1],
  },
  { name: "what a read takes may be bytes", find: /const (values = \[\];\s*const hasPendingReadBuffer)/g, put: "let $1", times: [0, 1] },
  {
    name: "a cancelled read takes what a source gave",
    find: /const cancelValues = \[\];\s*pendingValues\.drainInto\(cancelValues, buffer\.remaining\(\)\);/g,
    put: "const cancelValues = pendingValues.take([], buffer.remaining());",
    times: [0, 1],
  },
  {
    // It would wait for the source's next bytes while it has some: in a dialogue, for ever.
    name: "a read gives what there is",
    find: /while \(count > 0 && !pendingValues\.done\) \{/g,
    put: "while (count > 0 && !pendingValues.done && (values.length === 0 || pendingValues.sourceIsSync)) {",
    times: [0, 1],
  },
  {
    name: "a stream ends after its last bytes",
    find: /await writeValues\(values, pendingValues\.done\);/g,
    put: "await writeValues(values, pendingValues.done && pendingValues.length === 0);",
    times: [0, 1],
  },
];
