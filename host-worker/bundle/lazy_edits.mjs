// Of the edits of jco's text, the one that makes what moves values only when a value is moved, and once.
//
// For each function that a component imports or exports, and for each future and stream that it makes, jco builds
// functions that move values of its types: `_lowerFlatResult({ caseMetas: [… all 39 error codes …] })`. Most are
// never called in the life of an instance, which is a request: made on their first call, they cost a closure. And a
// type that many functions speak of is spelled out for each of them: what is spelled alike is made once, by a function
// that they share. What they build depends on its spelling alone, and is asked again and again by jco itself.

const BUILDER = /\b_(?:lower|lift)Flat(?:Variant|Result|Option|Record|Tuple|List|Enum|Flags|Own|Borrow)\(/g;
/** Where an instance is made: all that a builder names can be seen from here. */
const INSTANCE = /function\* ?_initGenerator ?\(\) ?\{/;
/** A shorter spelling costs less than the function that would be shared. */
const SHARED_LETTERS_MIN = 100;

const LAZY = `const __lazy = (make) => { let made; return (context) => (made ??= make())(context); };
const __shared = (make) => { let made; return () => (made ??= make()); };
`;

/**
 * Makes the outermost of these functions on their first call, and those that are spelled alike once.
 * @returns {string | undefined} nothing where the place is not found that instances are made at
 */
export function makeLazy(text) {
  const start = INSTANCE.exec(text);
  if (start === null) return undefined;
  const at = start.index + start[0].length;
  const [spellings, rest] = [new Spellings(), text.slice(at)];
  // Once to count, and once to write.
  replaceBuilders(rest, (builder) => spellings.count(builder));
  const lazy = replaceBuilders(rest, (builder) => `__lazy(${spellings.maker(builder)})`);
  return LAZY + text.slice(0, at) + spellings.declarations() + lazy;
}

/** What is spelled how often, and by which name it is shared. */
class Spellings {
  #counts = new Map();
  #names = new Map();
  #declarations = [];

  /** Counts a builder, and those within it. */
  count(builder) {
    const counted = (this.#counts.get(builder) ?? 0) + 1;
    this.#counts.set(builder, counted);
    // What lies within has been counted with the first.
    if (counted === 1) withinBuilder(builder, (inner) => this.count(inner));
  }

  /** A function that makes it. */
  maker(builder) {
    return this.#shared(builder) ?? `() => ${this.#written(builder)}`;
  }

  declarations() {
    return this.#declarations.join("");
  }

  /** The name of what makes it, where it is shared. */
  #shared(builder) {
    if (builder.length < SHARED_LETTERS_MIN || this.#counts.get(builder) < 2) return undefined;
    let name = this.#names.get(builder);
    if (name === undefined) {
      const written = this.#written(builder);
      name = `__shared${this.#names.size}`;
      this.#names.set(builder, name);
      this.#declarations.push(`\n  const ${name} = __shared(() => ${written});`);
    }
    return name;
  }

  /** Its text, in which what is shared stands by its name. */
  #written(builder) {
    return withinBuilder(builder, (inner) => {
      const name = this.#shared(inner);
      return name === undefined ? this.#written(inner) : `${name}()`;
    });
  }
}

/** Replaces what stands between the brackets of a builder. */
function withinBuilder(builder, replace) {
  const at = builder.indexOf("(") + 1;
  return builder.slice(0, at) + replaceBuilders(builder.slice(at), replace);
}

/** Replaces the outermost builders of a text. */
function replaceBuilders(text, replace) {
  let made = "";
  let from = 0;
  for (const { 0: head, index } of text.matchAll(BUILDER)) {
    // Within one that is replaced already, or where the function itself is declared.
    if (index < from || text.slice(index - 9, index) === "function ") continue;
    const end = closing(text, index + head.length);
    made += text.slice(from, index) + replace(text.slice(index, end));
    from = end;
  }
  return made + text.slice(from);
}

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
