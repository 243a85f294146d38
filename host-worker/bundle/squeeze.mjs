// How small JavaScript is made.

/** Options of esbuild that make it small; unminified, it can be read. */
export function squeeze({ minify }) {
  // Calls of a pure function whose result nobody takes are dropped: those that would log for jco's developers.
  return { minify, pure: ["_debugLog"], legalComments: "none" };
}
