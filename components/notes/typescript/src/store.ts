// Keeps notes in the app's key-value store `notes`: the key is the id, the value the text.

import { open, type Bucket } from "wasi:keyvalue/store";
import { Refusal } from "./reply";

const STORE = "notes";
const KEYS_MAX = 1000;

/** The ids of the first thousand notes: as many as the store gives in one go. */
export function list(): string[] {
  return using((bucket) => bucket.listKeys(undefined).keys.slice(0, KEYS_MAX));
}

export function read(id: string): string | undefined {
  const bytes = using((bucket) => bucket.get(id));
  return bytes && new TextDecoder().decode(bytes);
}

export function write(id: string, text: string): void {
  using((bucket) => bucket.set(id, new TextEncoder().encode(text)));
}

export function remove(id: string): void {
  using((bucket) => bucket.delete(id));
}

export function newId(): string {
  const bytes = [...crypto.getRandomValues(new Uint8Array(8))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Calls the store; its failures are for the log, not for the client. */
function using<T>(call: (bucket: Bucket) => T): T {
  try {
    return call(open(STORE));
  } catch (error) {
    console.error(`store ${STORE}:`, error);
    throw new Refusal(500, "the notes cannot be reached, try again");
  }
}
