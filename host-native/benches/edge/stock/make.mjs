// Makes a Worker of components with jco alone: `node make.mjs OUT NAME=COMPONENT…`, run from a folder that
// has jco, its shims and esbuild among its packages.
//
// Nothing of what jco emits is changed but this: core modules whose bytes stand in the text become files,
// because workerd compiles nothing while it serves. An instance a request, as in the Workers host: instances
// that requests share hang, since a timer belongs to the request that made it.

import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [out, ...components] = process.argv.slice(2);
const work = join(here, "work");
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await mkdir(work, { recursive: true });

const instantiates = [];
for (const component of components) {
  const [name, path] = component.split("=");
  const { files } = await transpileBytes(await readFile(path), {
    name,
    instantiation: "async",
    asyncMode: "jspi",
    nodejsCompat: false,
    emitTypescriptDeclarations: false,
  });
  const cores = [];
  const core = async (file, bytes) => {
    await writeFile(join(out, file), bytes);
    cores.push(file);
  };
  let text;
  for (const [file, content] of Object.entries(files)) {
    if (file.endsWith(".wasm")) await core(file, content);
    else if (file.endsWith(".js") && !file.includes("/")) text = new TextDecoder().decode(content);
  }
  const inline = [];
  text = text.replace(/new WebAssembly\.Module\(new Uint8Array\(\[([\s\d,xa-fA-F]*)\]\)\)/g, (_, bytes) => {
    inline.push(Uint8Array.from(bytes.split(",").filter((byte) => byte.trim()), Number));
    return `getCoreModule("${name}.inline${inline.length - 1}.wasm")`;
  });
  for (const [index, bytes] of inline.entries()) await core(`${name}.inline${index}.wasm`, bytes);
  const imports = cores.map((file, index) => `import core${index} from "./${file}";`).join("\n");
  const entries = cores.map((file, index) => `"${file}": core${index}`).join(", ");
  await writeFile(join(work, `${name}.js`), `${imports}\n${text}\nexport const CORES = { ${entries} };\n`);
  instantiates.push(name);
}

const lines = instantiates.map((name) => `export * as ${name} from "./${name}.js";`);
await writeFile(join(work, "components.js"), `${lines.join("\n")}\n`);
await copyFile(join(here, "worker.js"), join(work, "worker.js"));
await build({
  entryPoints: [join(work, "worker.js")],
  outfile: join(out, "worker.js"),
  bundle: true,
  format: "esm",
  minify: true,
  target: "esnext",
  conditions: ["browser"],
  external: ["*.wasm", "node:*", "cloudflare:*"],
  logLevel: "error",
});
await copyFile(join(here, "wrangler.jsonc"), join(out, "wrangler.jsonc"));
