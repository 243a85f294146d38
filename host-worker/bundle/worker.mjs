// The Worker's own module: the Rust host, the glue, and what the app is. What no component of the app uses is left out,
// of the glue by what is linked, and of the host by what the glue that is left still calls.

import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import binaryen from "binaryen";
import { build } from "esbuild";
import { squeeze } from "./squeeze.mjs";
import { ComponentError } from "./module.mjs";
import { pascal, withoutPatch } from "../glue/component/names.mjs";

/** The Rust host's module lies beside the Worker's, under a shorter name. */
const hostModule = {
  name: "host.wasm",
  setup(build) {
    build.onResolve({ filter: /host_bg\.wasm$/ }, () => ({ path: "./host.wasm", external: true }));
  },
};

/** Writes `worker.js` and `host.wasm` into the folder of a plan. */
export async function bundleWorker(plan) {
  const stage = `${plan.out}.stage`;
  await rm(stage, { recursive: true, force: true });
  await cp(plan.glue, join(stage, "glue"), { recursive: true });
  await cp(plan.host, join(stage, "host"), { recursive: true });
  nameStubs(plan.app);
  await writeFile(join(stage, "app.js"), app(plan));
  await writeFile(join(stage, "linked.js"), await linked(plan));
  await writeFile(join(stage, "worker.js"), entry(plan.app));
  const host = await readFile(join(plan.host, "host_bg.wasm"));
  // Once to see what is called, and once with what that needs.
  const text = await bundle(plan, stage, host);
  const pruned = prune(host, text);
  await bundle(plan, stage, pruned);
  await writeFile(join(plan.out, "host.wasm"), pruned);
  await rm(stage, { recursive: true, force: true });
}

/** Stubs are found by the name that a transpiled module imports them by, and classes by their JavaScript name. */
function nameStubs({ compositions }) {
  for (const { stubs, shape } of compositions) {
    for (const stub of [...(stubs ?? []), ...(shape ? [shape] : [])]) {
      stub.name = stub.version ? `${stub.interface}@${stub.version}` : stub.interface;
      Object.assign(stub, { key: withoutPatch(stub.name), class_name: pascal(stub.resource) });
    }
  }
}

function app({ app, modules }) {
  const imports = modules.map(({ id }, index) => `import * as m${index} from "./modules/${id}.js";\n`).join("");
  const named = modules.map(({ id }, index) => `${JSON.stringify(id)}: m${index}`).join(", ");
  return `${imports}export const app = ${JSON.stringify(app)};\nexport const modules = { ${named} };\n`;
}

/** What answers the imports of this app's components, by glue/interfaces.json. */
async function linked({ app, glue, modules }) {
  const table = JSON.parse(await readFile(join(glue, "interfaces.json"), "utf8"));
  const stubs = new Set(app.compositions.flatMap((composition) => composition.stubs ?? []).map(({ key }) => key));
  const wanted = new Map();
  for (const module of modules) {
    for (const name of module.imports) {
      const key = withoutPatch(name);
      if (stubs.has(key)) continue;
      if (table[key] === undefined) throw new ComponentError(`it imports ${name}, which the Workers host does not offer`);
      wanted.set(key, table[key]);
    }
  }
  const rows = [...wanted].map(([key, [file, name]], index) => ({ key, line: `import { ${name} as i${index} } from "./glue/${file}";`, value: `i${index}` }));
  const is02 = modules.some(({ exports }) => exports.some((name) => name.startsWith("wasi:http/incoming-handler@0.2")));
  return [
    ...rows.map(({ line }) => line),
    `export const interfaces = { ${rows.map(({ key, value }) => `${JSON.stringify(key)}: ${value}`).join(", ")} };`,
    stubs.size > 0 ? `export { stubs } from "./glue/stubs.js";` : `export const stubs = () => {};`,
    is02 ? `export { ask as ask02 } from "./glue/http02.js";` : `export const ask02 = undefined;`,
    "",
  ].join("\n");
}

function entry({ compositions, classes }) {
  const lines = compositions.map(({ kind, name }, index) => (kind === "object" ? `export const ${classes[name]} = objectClass(${index});\n` : ""));
  const objects = lines.some(Boolean) ? `import { objectClass } from "./glue/object.js";\n` : "";
  return `${objects}export { default } from "./glue/worker.js";\n${lines.join("")}`;
}

/** Bundles for a host of these imports; gives the text. */
async function bundle(plan, stage, host) {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(host)).map(({ name }) => name);
  await writeFile(join(stage, "host", "imports.js"), `export { ${imports.join(", ")} } from "./host_bg.js";\n`);
  const outfile = join(plan.out, "worker.js");
  await build({
    entryPoints: [join(stage, "worker.js")],
    outfile,
    bundle: true,
    external: ["*.wasm", "./modules/*", "cloudflare:*"],
    format: "esm",
    target: "es2024",
    logLevel: "error",
    plugins: [hostModule],
    ...squeeze(plan),
  });
  return await readFile(outfile, "utf8");
}

/** The host without the exports whose names are nowhere in the text, and without what only they need. */
function prune(host, text) {
  const module = binaryen.readBinary(host);
  const words = new Set(text.match(/[\w$]+/g));
  const names = Array.from({ length: module.getNumExports() }, (_, index) => binaryen.getExportInfo(module.getExportByIndex(index)).name);
  for (const name of names) if (!words.has(name)) module.removeExport(name);
  module.runPasses(["remove-unused-module-elements"]);
  const pruned = module.emitBinary();
  module.dispose();
  return pruned;
}
