// Makes a component of a module of JavaScript or TypeScript, with pinned packages of npm.
// `bind` writes the types of the world; `build` bundles, checks types, and makes the component.

import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { register } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const text = { type: "string" };
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    packages: text,
    work: text,
    project: text,
    module: text,
    engine: text,
    typed: { type: "boolean", default: false },
  },
});

const WORLD = "app";
const isQuickJs = given.engine === "quickjs";
const inWork = (...path) => join(given.work, ...path);
const inPackages = (path) => import(pathToFileURL(join(given.packages, path)).href);

/** Ends with one sentence; what tools say stands above it. */
class Failure extends Error {}

/** Types for editors and for the check; with what QuickJS has otherwise. */
async function bind() {
  const { generateGuestTypes } = await inPackages("@bytecodealliance/jco-transpile/dist/index.js");
  const files = await generateGuestTypes(inWork("wit/world.wit"), { worldName: WORLD, guest: true });
  await rm(inWork("bindings"), { recursive: true, force: true });
  for (const [name, bytes] of Object.entries(files)) {
    let types = new TextDecoder().decode(bytes);
    // Its 64-bit integers are numbers.
    if (isQuickJs) types = types.replace(/\bbigint\b/g, "number").replace(/\b(U|I)nt?64Array\b/g, "Array<number>");
    const path = inWork("bindings", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, types);
  }
  await unversioned();
}

/** Lets authors leave versions out. */
async function unversioned() {
  const names = [...(await interfaces())].filter(([short, name]) => name && short !== name);
  const modules = names.map(([short, name]) => `declare module "${short}" {\n  export * from "${name}";\n}\n`);
  await writeFile(inWork("bindings/unversioned.d.ts"), modules.join("\n"));
}

async function build() {
  await rm(inWork("component.wasm"), { force: true });
  // Both say what is wrong; neither waits for the other.
  const outcomes = await Promise.allSettled([given.typed ? checked() : undefined, made()]);
  const failed = outcomes.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
  await writeFile(inWork("component.wasm"), outcomes[1].value);
}

/** Has TypeScript check the types, by the project's own settings where it has some. */
async function checked() {
  const own = join(given.project, "tsconfig.json");
  const settings = existsSync(own) ? own : inWork("tsconfig.json");
  if (settings !== own) await writeFile(settings, JSON.stringify(defaults(), null, 2));
  const { default: getExePath } = await inPackages("typescript/lib/getExePath.js");
  const compiler = spawn(getExePath(), ["--noEmit", "--pretty", "false", "--project", settings], {
    cwd: given.project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [];
  for (const stream of [compiler.stdout, compiler.stderr]) stream.on("data", (piece) => said.push(piece));
  const code = await new Promise((resolve, reject) => compiler.on("error", reject).on("close", resolve));
  if (code !== 0) {
    process.stderr.write(Buffer.concat(said));
    throw new Failure("the types do not fit");
  }
}

function defaults() {
  return {
    compilerOptions: {
      strict: true,
      noEmit: true,
      target: "es2023",
      module: "esnext",
      moduleResolution: "bundler",
      allowImportingTsExtensions: true,
      // Iterables of the web are in a library of their own.
      lib: ["es2023", "esnext.disposable", "webworker", "webworker.iterable", "webworker.asynciterable"],
      types: [],
      skipLibCheck: true,
    },
    files: [given.module],
    include: [join(given.project, "bindings/**/*.d.ts")],
  };
}

async function made() {
  const { build: bundle } = await inPackages("esbuild/lib/main.js");
  const options = {
    bundle: true,
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import", "worker"],
    plugins: [await world()],
    absWorkingDir: given.project,
    logLevel: "warning",
    metafile: true,
    charset: "utf8",
  };
  const asked = await bundle({ ...options, entryPoints: [given.module], write: false, logLevel: "silent", outfile: "x.js" })
    .then(({ metafile }) => Object.values(metafile.outputs)[0].exports)
    // The second time says it aloud.
    .catch(() => []);
  const isExplicit = asked.some((name) => ["handler", "incomingHandler"].includes(name));
  const isFetch = asked.includes("default") && !isExplicit && existsSync(inWork("entry.fetch.js"));
  const entry = inWork(isFetch ? "entry.fetch.js" : "entry.explicit.js");
  await bundle({ ...options, entryPoints: [entry], outfile: inWork("app.js") }).catch((error) => {
    throw new Failure(`${relative(given.project, given.module)} cannot be bundled (${error.errors?.length ?? 1} errors)`);
  });
  return isQuickJs ? quickjs() : starlingmonkey();
}

/** The interfaces that the world imports, by their names with and without a version. */
async function interfaces() {
  const full = (await readFile(inWork("imports.txt"), "utf8")).split("\n").filter(Boolean);
  const named = new Map();
  for (const name of full) {
    const short = name.split("@")[0];
    // Without a version, a name may stand for one of two.
    named.set(short, named.has(short) ? undefined : name);
  }
  for (const name of full) named.set(name, name);
  return named;
}

/** Leaves imports from the world to the engine, under the names that it has for them. */
async function world() {
  const named = await interfaces();
  return {
    name: "world",
    setup({ onResolve }) {
      onResolve({ filter: /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*\// }, ({ path }) => {
        // A host of one patch is one of any.
        const found = named.get(path) ?? named.get(path.split("@")[0]);
        if (found && isNear(path, found)) return { path: found, external: true };
        return { errors: [{ text: `the world does not import ${path}; it imports ${[...new Set(named.values())].filter(Boolean).join(", ")}` }] };
      });
    },
  };
}

function isNear(asked, found) {
  const series = (name) => /@(\d+\.\d+)/.exec(name)?.[1];
  return series(asked) === undefined || series(asked) === series(found);
}

async function starlingmonkey() {
  stubJco();
  const { componentize } = await inPackages("@bytecodealliance/componentize-js/src/componentize.js");
  const { component } = await componentize({
    sourcePath: inWork("app.js"),
    witPath: inWork("wit/world.wit"),
    worldName: WORLD,
    preview2Adapter: inWork("adapter.wasm"),
  });
  return component;
}

/** Stands in for the package jco, of which componentize-js calls what it has from jco-transpile. */
function stubJco() {
  const tools = pathToFileURL(join(given.packages, "@bytecodealliance/jco-transpile/dist/wasm-tools.js")).href;
  const stub = `
    export { componentNew, metadataAdd } from ${JSON.stringify(tools)};
    export const preview1AdapterReactorPath = () => "";`;
  const loader = `
    const stub = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(stub)}`)};
    export const resolve = (name, context, next) =>
      name === "@bytecodealliance/jco" ? { url: stub, shortCircuit: true } : next(name, context);`;
  register(`data:text/javascript,${encodeURIComponent(loader)}`);
}

async function quickjs() {
  const { componentize } = await inPackages("componentize-qjs/index.js");
  const { component } = await componentize({
    witPath: inWork("wit/world.wit"),
    jsSource: await readFile(inWork("app.js"), "utf8"),
    world: WORLD,
  });
  return component;
}

try {
  await { bind, build }[positionals[0]]();
} catch (error) {
  console.error(error instanceof Failure ? `error: ${error.message}` : error);
  process.exitCode = 1;
}
