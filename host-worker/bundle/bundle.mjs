// From a plan to a folder that workerd runs: `node bundle.mjs PLAN.json`.
//
// The plan is written by `selvedge bundle`, which knows the manifest and has taken the components apart; here everything
// becomes one Worker. A report in JSON goes to standard output. What was made of a component is kept in the plan's
// cache and not made again.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { moduleFiles } from "./module.mjs";
import { bundleWorker } from "./worker.mjs";

const plan = JSON.parse(await readFile(process.argv[2], "utf8"));
/** Changes whenever what is made of a component may do: with these files, and the tools that the lock file pins. */
const recipe = hash(...(await ours()));
/** The core modules that lie in the folder, by what is in them. */
const coreFiles = new Map();

try {
  const report = await run();
  process.stdout.write(`${JSON.stringify(report)}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: { kind: error.constructor.name, component: error.component, message: error.message } })}\n`);
  process.exitCode = 1;
}

async function run() {
  await rm(plan.out, { recursive: true, force: true });
  await mkdir(join(plan.out, "modules"), { recursive: true });
  for (const module of plan.modules) {
    try {
      await place(module);
    } catch (error) {
      error.component = module.wasm;
      throw error;
    }
  }
  await bundleWorker(plan);
  return { parts: await parts() };
}

/**
 * Puts the module of a component into the folder, transpiled now or earlier. A core module that another component
 * has, too, is there once: an engine of megabytes is often the same for all that are written in its language.
 */
async function place(module) {
  const made = join(plan.cache, `${module.id}-${hash(JSON.stringify([recipe, basename(module.parts), module.memory_bytes])).slice(0, 12)}`);
  const files = await readdir(made).catch(() => null);
  if (files === null) await make(module, made);
  const others = new Map();
  for (const file of await readdir(made)) {
    if (!file.endsWith(".wasm")) continue;
    const content = hash(await readFile(join(made, file)));
    if (coreFiles.has(content)) {
      others.set(`./${file}`, `./${coreFiles.get(content)}`);
    } else {
      coreFiles.set(content, file);
      await cp(join(made, file), join(plan.out, "modules", file));
    }
  }
  let script = await readFile(join(made, `${module.id}.js`), "utf8");
  for (const [name, other] of others) {
    // In quotes, a name is found whole.
    const pieces = script.split(new RegExp(`(?<=["'])${name.replaceAll(".", "\\.")}(?=["'])`));
    if (pieces.length !== 2) throw new Error(`${name} is imported ${pieces.length - 1} times by what was made of it`);
    script = pieces.join(other);
  }
  await writeFile(join(plan.out, "modules", `${module.id}.js`), script);
}

async function make(module, made) {
  const part = `${made}.part-${process.pid}`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  for (const [name, content] of await moduleFiles(module)) await writeFile(join(part, name), content);
  await rm(made, { recursive: true, force: true });
  await rename(part, made);
}

async function parts() {
  const found = [];
  for (const folder of [".", "modules"]) {
    for (const entry of await readdir(join(plan.out, folder), { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = await readFile(join(plan.out, folder, entry.name));
      found.push({ file: folder === "." ? entry.name : `${folder}/${entry.name}`, bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length });
    }
  }
  return found;
}

/** What lies beside this file: all of it, so that none is forgotten that has a say in what is made. */
async function ours() {
  const names = (await readdir(import.meta.dirname)).filter((name) => /\.(mjs|json)$/.test(name)).sort();
  return Promise.all(names.map((name) => readFile(join(import.meta.dirname, name), "utf8")));
}

function hash(...texts) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text);
  return hash.digest("hex");
}
