// How small JavaScript is made.

import { minifySync } from "oxc-minify";

/** Options of esbuild that make it small; unminified, it can be read. */
export function squeeze({ minify }) {
  // Calls of a pure function whose result nobody takes are dropped: those that would log for jco's developers.
  return { minify, pure: ["_debugLog"], legalComments: "none" };
}

/**
 * A module without the functions within functions that nobody calls, which esbuild leaves: jco writes all of its runtime
 * into one function. Every letter is read twice before the first response.
 */
export function withoutDeadCode(text, { minify }) {
  if (!minify) return text;
  const { code, errors } = minifySync("component.js", text, { module: true, compress: { target: "es2024" }, mangle: true });
  if (errors.length > 0) throw new Error(`a transpiled module cannot be made small: ${errors[0].message}`);
  return code;
}
