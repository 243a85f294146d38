// Of the edits of jco's text, the one that makes what moves values only when a value is moved.
//
// For each function that a component imports or exports, and for each future and stream that it makes, jco builds
// functions that move values of its types: `_lowerFlatResult({ caseMetas: [… all 39 error codes …] })`. Most are
// never called in the life of an instance, which is a request. Made on their first call, they cost a closure.

const BUILDER = /\b_(?:lower|lift)Flat(?:Variant|Result|Option|Record|Tuple|List|Enum|Flags|Own|Borrow)\(/g;

/** Makes the outermost of these functions on their first call. */
export function makeLazy(text) {
  let made = "";
  let from = 0;
  for (const { 0: head, index } of text.matchAll(BUILDER)) {
    // Within one that is made lazily already, or where the function itself is declared.
    if (index < from || text.slice(index - 9, index) === "function ") continue;
    const end = closing(text, index + head.length);
    made += `${text.slice(from, index)}__lazy(() => ${text.slice(index, end)})`;
    from = end;
  }
  return made + text.slice(from);
}

/** What `makeLazy` calls. */
export const LAZY = "const __lazy = (make) => { let made; return (context) => (made ??= make())(context); };\n";

/** The place after the bracket that closes the one before `at`. Strings may hold brackets. */
function closing(text, at) {
  for (let depth = 1; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"' || letter === "'" || letter === "`") at = stringEnd(text, at);
    else if (letter === "(") depth++;
    else if (letter === ")" && --depth === 0) return at + 1;
  }
  return text.length;
}

function stringEnd(text, start) {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start]) at += text[at] === "\\" ? 2 : 1;
  return at;
}
