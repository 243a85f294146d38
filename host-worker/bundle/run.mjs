// Runs the folder of a bundle in workerd, on this machine:
//
//   node run.mjs FOLDER [--listen 127.0.0.1:0] [--persist DIR] [--vars-file FILE]
//
// It prints `listening on http://ADDRESS` on standard output when the Worker answers, and what the
// Worker logs on standard error, a line each, as it stands. SIGTERM and SIGINT let workerd finish
// what it has begun and end it with exit code 0; when this process is killed, workerd goes too.
//
//   --persist DIR     keeps stores and objects there; without it they end with the process
//   --vars-file FILE  secrets: a JSON object of binding name to text
//
// FOLDER/wrangler.jsonc is read for what `selvedge bundle` writes into it, and for no more; an
// unknown binding is an error. Miniflare (which wrangler carries) provides the local KV and the
// configuration of workerd. Requests reach the Worker by a socket of its own: Miniflare's usual
// entrance would answer in its place when the Worker fails, and change headers.

import childProcess from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";

/** How long workerd may take to finish what it has begun; the native host takes as long. */
const DRAIN_MS = 10_000;

/** What `wrangler.jsonc` may have without this file knowing more of it. */
const IGNORED = ["$schema", "no_bundle", "find_additional_modules", "rules", "migrations", "routes",
  "workers_dev", "preview_urls", "observability", "limits", "placement", "account_id", "secrets"];

const MODULE_TYPES = { ".js": "esm", ".mjs": "esm", ".wasm": "wasm", ".json": "json", ".txt": "text" };

async function main() {
  const settings = readSettings();
  const worker = readWorker(settings);
  if (settings.persist) keepTemporaryFilesIn(join(settings.persist, "tmp"));
  const runtime = superviseWorkerd();
  const { Miniflare } = await import("miniflare");
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false, // or else it fetches facts about this machine's place
    enableDevRegistry: false,
    logRequests: false,
    handleStructuredLogs: ({ message }) => process.stderr.write(`${message}\n`),
    resourcePersistencePath: settings.persist,
    workers: [worker],
  });
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL();
  runtime.isReady();
  console.log(`listening on ${url.origin}`);
}

function readSettings() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      listen: { type: "string", default: "127.0.0.1:0" },
      persist: { type: "string" },
      "vars-file": { type: "string" },
    },
  });
  if (positionals.length !== 1) fail("usage: run.mjs FOLDER [--listen A] [--persist D] [--vars-file F]");
  const [, host, port] = /^(.*):(\d+)$/.exec(values.listen) ?? fail(`--listen ${values.listen} is no address`);
  const secrets = values["vars-file"] ? JSON.parse(readFileSync(values["vars-file"], "utf8")) : {};
  const persist = values.persist && resolve(values.persist);
  return { folder: resolve(positionals[0]), host, port: Number(port), persist, secrets };
}

/** The Worker of the folder, as Miniflare wants it. */
function readWorker({ folder, host, port, secrets }) {
  const {
    name, main: mainModule, compatibility_date, compatibility_flags = [],
    kv_namespaces = [], durable_objects = {}, vars = {}, ...rest
  } = parseJsonc(readFileSync(join(folder, "wrangler.jsonc"), "utf8"));
  const unknown = Object.keys(rest).filter((key) => !IGNORED.includes(key));
  if (unknown.length > 0) fail(`wrangler.jsonc has ${unknown.join(", ")}, which cannot be run here`);

  const env = {};
  const exports = {};
  for (const { binding, id } of kv_namespaces) env[binding] = { type: "kv", id: id ?? binding };
  for (const { name: binding, class_name } of durable_objects.bindings ?? []) {
    env[binding] = { type: "durable-object", worker: name, exportName: class_name };
    exports[class_name] = { type: "durable-object", storage: "sqlite" };
  }
  for (const [binding, value] of Object.entries(vars)) env[binding] = { type: "json", value };
  for (const [binding, value] of Object.entries(secrets)) env[binding] = { type: "text", value };

  return {
    config: {
      name,
      compatibilityDate: compatibility_date,
      compatibilityFlags: compatibility_flags,
      manifest: { mainModule, modulesRoot: folder, modules: readModules(folder) },
      env,
      exports,
    },
    dev: {
      rootPath: folder,
      cacheAPI: false,
      stripCfConnectingIp: false,
      unsafeDirectSockets: [{ host, port }],
    },
  };
}

function readModules(folder) {
  const modules = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join("/");
    const type = MODULE_TYPES[/\.\w+$/.exec(entry.name)?.[0]];
    if (!entry.isFile() || !type || /(^|\/)(node_modules|\.)/.test(name)) continue;
    const contents = readFileSync(path);
    modules[name] = { type, contents: type === "wasm" ? new Uint8Array(contents) : contents.toString() };
  }
  return modules;
}

/** JSON with comments and trailing commas; nothing within a string is taken for either. */
function parseJsonc(text) {
  const string = String.raw`"(?:\\.|[^"\\])*"`;
  const without = (pattern) => (all) => text = text.replace(new RegExp(`${string}|${pattern}`, "g"),
    (found) => (found.startsWith('"') ? found : ""));
  without(String.raw`//[^\n]*|/\*[^]*?\*/`)();
  without(String.raw`,(?=\s*[\]}])`)();
  return JSON.parse(text);
}

/** Miniflare's temporary files lie in `folder`, so that none is left behind when this is killed. */
function keepTemporaryFilesIn(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  process.env.TMPDIR = folder;
}

/**
 * Sees to the end of workerd, which Miniflare itself only kills.
 *
 * Miniflare keeps the process to itself; so what it starts by `spawn` is looked at here.
 */
function superviseWorkerd() {
  const spawn = childProcess.spawn;
  let workerd;
  let ready = false;
  let stopping = false;

  childProcess.spawn = (command, args, options) => {
    if (stopping) throw new Error("workerd is not started again while this process ends");
    const child = spawn(command, args, options);
    if (!args.includes("--control-fd=3")) return child;
    workerd = child;
    // Miniflare joins pieces of output as text; a letter must not be cut in two.
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    guard(child);
    child.once("exit", (code, signal) => {
      if (ready && !stopping) fail(`workerd ended with ${signal ?? `exit code ${code}`}`);
    });
    return child;
  };

  const stop = () => {
    if (stopping) return;
    stopping = true;
    if (!ready || workerd?.exitCode !== null) process.exit(0);
    // `close` comes when all output was read; by then Miniflare tries to start another workerd.
    workerd.once("close", () => process.exit(0));
    workerd.kill("SIGTERM");
    setTimeout(() => workerd.kill("SIGKILL"), DRAIN_MS).unref();
  };
  const listen = () => {
    // Miniflare's own handlers would end this process at once.
    for (const signal of ["SIGTERM", "SIGINT"]) process.removeAllListeners(signal).on(signal, stop);
  };

  return {
    isReady() {
      ready = true;
      listen();
    },
  };

  /** A shell that waits for a pipe to this process, and kills workerd where it breaks. */
  function guard({ pid }) {
    const script = 'read -r _ || kill -KILL "$0"';
    const stdio = ["pipe", "ignore", "ignore"];
    const shell = spawn("/bin/sh", ["-c", script, String(pid)], { stdio, detached: true });
    shell.unref();
    shell.stdin.unref();
    workerd.once("exit", () => shell.stdin.write("ended\n"));
  }
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

main().catch((error) => fail(error.message ?? String(error)));
