// How small JavaScript is made.

/** Options of esbuild that make it small; unminified, it can be read. */
export function squeeze({ minify }) {
  return { minify, legalComments: "none" };
}
