// `wasi:cli`: standard output and error, whose lines are logged; an environment with nothing in it; the end of a guest.

import { reader } from "./bytes.js";
import { OutputStream, closedInput } from "./io.js";
import { logLine } from "./host.js";

const decoder = new TextDecoder();

/** Thrown where a guest ends itself by `exit`. */
class Exit extends Error {
  constructor(code) {
    super(`the guest exited with code ${code}`);
  }
}

/**
 * How much of a line is kept: a little more than the host logs of it, so that it still tells that it was cut.
 * Source: `LOG_LINE_BYTES_MAX` of the contract (16 KiB).
 */
const KEPT_BYTES_MAX = 16 * 1024 + 4;

/** Gathers what a guest writes until a line is whole; the host logs it. */
class Lines {
  #stream;
  #instance;
  #bytes = [];
  #length = 0;
  constructor(stream, instance) {
    this.#stream = stream;
    this.#instance = instance;
    // What has no line end is told when the instance ends its work, or comes to rest.
    instance.scope.atEnd(() => this.#bytes.length > 0 && this.#emit());
  }
  write(bytes) {
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      this.#keep(bytes, from, at);
      this.#emit();
      from = at + 1;
    }
    if (from < bytes.length) this.#keep(bytes, from, bytes.length);
  }
  #keep(bytes, from, to) {
    const kept = bytes.slice(from, Math.min(to, from + KEPT_BYTES_MAX - this.#length));
    if (kept.length === 0 && to > from) return;
    this.#bytes.push(kept);
    this.#length += kept.length;
  }
  #emit() {
    const text = this.#bytes.map((bytes) => decoder.decode(bytes, { stream: true })).join("") + decoder.decode();
    this.#bytes = [];
    this.#length = 0;
    const { composition, scope } = this.#instance;
    logLine(composition.index, this.#stream, scope.request, scope.object, text);
  }
}

function lines(instance, stream) {
  instance.lines ??= {};
  return (instance.lines[stream] ??= new Lines(stream, instance));
}

/** `wasi:cli/stdout@0.3` and `stderr`. */
const writer = (stream) => (instance) => ({
  async writeViaStream(data) {
    const read = reader(data);
    for (let chunk = await read(); chunk !== null; chunk = await read()) lines(instance, stream).write(chunk);
    return { tag: "ok", val: undefined };
  },
});

export const stdout = writer("stdout");
export const stderr = writer("stderr");

/** `wasi:cli/stdin@0.3`: empty. */
export const stdin = () => ({
  readViaStream: () => [{ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }, Promise.resolve({ tag: "ok", val: undefined })],
});

/** `wasi:cli/stdout@0.2` and `stderr`. */
const output = (stream, get) => (instance) => ({ [get]: () => new OutputStream((bytes) => lines(instance, stream).write(bytes)) });

export const stdout02 = output("stdout", "getStdout");
export const stderr02 = output("stderr", "getStderr");

/** `wasi:cli/stdin@0.2`: empty. */
export const stdin02 = () => ({ getStdin: () => closedInput() });

/** `wasi:cli/environment`: of either version, with nothing in it. */
export const environment = () => ({ getEnvironment: () => [], getArguments: () => [], initialCwd: () => undefined, getInitialCwd: () => undefined });

/** `wasi:cli/exit`: of either version. */
export const exit = () => ({
  exit(status) {
    throw new Exit(status?.tag === "err" ? 1 : 0);
  },
  exitWithCode(code) {
    throw new Exit(code);
  },
});

class Terminal {}
/** `wasi:cli/terminal-*`: nothing here is one. */
export const terminalInput = () => ({ TerminalInput: Terminal });
export const terminalOutput = () => ({ TerminalOutput: Terminal });
export const terminalStdin = () => ({ getTerminalStdin: () => undefined });
export const terminalStdout = () => ({ getTerminalStdout: () => undefined });
export const terminalStderr = () => ({ getTerminalStderr: () => undefined });
