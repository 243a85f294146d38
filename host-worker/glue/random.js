// `wasi:random`, of either version. Every instance draws seeds of its own.

/** The platform fills at most so many bytes a call (Web Cryptography API, `getRandomValues`). */
const BYTES_MAX = 65536;

function bytes(length) {
  const all = new Uint8Array(Number(length));
  for (let at = 0; at < all.length; at += BYTES_MAX) crypto.getRandomValues(all.subarray(at, at + BYTES_MAX));
  return all;
}
const u64 = () => crypto.getRandomValues(new BigUint64Array(1))[0];

export const random = () => ({ getRandomBytes: bytes, getRandomU64: u64 });
export const insecure = () => ({ getInsecureRandomBytes: bytes, getInsecureRandomU64: u64 });
export const insecureSeed = () => ({ insecureSeed: () => [u64(), u64()], getInsecureSeed: () => [u64(), u64()] });
