// The Rust host, started: what `host-worker/src` decides.

import { __wbg_set_wasm } from "../host/host_bg.js";
import module from "../host/host_bg.wasm";
import * as imports from "../host/imports.js";

const from = new Set(WebAssembly.Module.imports(module).map((wanted) => wanted.module));
const { exports } = new WebAssembly.Instance(module, Object.fromEntries([...from].map((name) => [name, imports])));
__wbg_set_wasm(exports);
exports.__wbindgen_start?.();

export * from "../host/host_bg.js";
