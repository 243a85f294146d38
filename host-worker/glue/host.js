// The Rust host, started: what `host-worker/src` decides.

import * as host from "../host/host_bg.js";
import module from "../host/host_bg.wasm";

const imported = {};
for (const { module: from } of WebAssembly.Module.imports(module)) imported[from] = host;
const { exports } = new WebAssembly.Instance(module, imported);
host.__wbg_set_wasm(exports);
exports.__wbindgen_start?.();

export * from "../host/host_bg.js";
