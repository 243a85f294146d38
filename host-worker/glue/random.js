// `wasi:random`, of either version. Every instance draws seeds of its own.

/** The platform fills at most so many bytes a call (Web Cryptography API, `getRandomValues`). */
const BYTES_MAX = 65536;

/**
 * The most that a guest gets in one call. Source: `DEFAULT_MAX_SIZE` of wasmtime-wasi 48, which the native host keeps; a
 * guest that may have less memory than that could not take them.
 */
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const most = (instance) => BigInt(Math.min(LIST_BYTES_MAX, instance.composition.limits["memory-bytes"]));

function bytes(length) {
  const all = new Uint8Array(length);
  for (let at = 0; at < all.length; at += BYTES_MAX) crypto.getRandomValues(all.subarray(at, at + BYTES_MAX));
  return all;
}
const u64 = () => crypto.getRandomValues(new BigUint64Array(1))[0];

/** 0.3 gives at most so many; 0.2 has no way to give fewer than were asked for. */
const upTo = (instance) => (length) => bytes(Number(length < most(instance) ? length : most(instance)));
const exactly = (instance) => (length) => {
  if (length > most(instance)) throw new Error(`a guest asked for ${length} random bytes, and gets ${most(instance)} at most`);
  return bytes(Number(length));
};

export const random02 = (instance) => ({ getRandomBytes: exactly(instance), getRandomU64: u64 });
export const insecure02 = (instance) => ({ getInsecureRandomBytes: exactly(instance), getInsecureRandomU64: u64 });
export const random = (instance) => ({ getRandomBytes: upTo(instance), getRandomU64: u64 });
export const insecure = (instance) => ({ getInsecureRandomBytes: upTo(instance), getInsecureRandomU64: u64 });
export const insecureSeed = () => ({ insecureSeed: () => [u64(), u64()], getInsecureSeed: () => [u64(), u64()] });
