// Step 4 of a request's way: what an instance is given for its imports.
//
// THE TABLE is interfaces.json: which file and which function there answers an interface, named with its version up to
// the minor one. A bundle links what its components import, and nothing else (bundle/worker.mjs). What may be reached
// is decided in Rust (src/capability); here values are moved.

import { interfaces, stubs } from "../linked.js";

/** The imports of an instance; an interface is made when the instance asks for it. */
export function imports(instance) {
  return new Imports(instance);
}

class Imports {
  #instance;
  constructor(instance) {
    this.#instance = instance;
    // The interfaces of objects that it may call differ from component to component.
    stubs(instance, this);
  }
  /** What the table makes for this instance. */
  static made(imports, make) {
    return make(imports.#instance);
  }
}
for (const [name, make] of Object.entries(interfaces)) {
  Object.defineProperty(Imports.prototype, name, {
    get() {
      return Imports.made(this, make);
    },
  });
}
