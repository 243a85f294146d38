// console, which writes to the log: one line a call.

import stderr from "wasi:cli/stderr@0.2.12";

// The most that one call may write.
const PIECE_BYTES = 4096;

function write(...values) {
  const line = new TextEncoder().encode(`${values.map(shown).join(" ")}\n`);
  const stream = stderr.getStderr();
  try {
    for (let at = 0; at < line.length; at += PIECE_BYTES) {
      stream.blockingWriteAndFlush(line.subarray(at, at + PIECE_BYTES));
    }
  } catch {
    // A log that is full or closed is no reason to answer with an error.
  } finally {
    stream[Symbol.dispose]();
  }
}

function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value}\n${value.stack ?? ""}`.trimEnd();
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner));
  } catch {
    return String(value);
  }
}

globalThis.console = { log: write, info: write, debug: write, warn: write, error: write, trace: write };
