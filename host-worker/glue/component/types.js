// Values of interface types between JavaScript and a component (Canonical ABI, "Loading", "Storing", "Flattening",
// "Lifting" and "Lowering").
//
// | WIT | JavaScript |
// |---|---|
// | integers of 64 bits, other numbers | `bigint`, `number` |
// | `list<u8>` and other lists of numbers | `Uint8Array` and the like |
// | `record`, `flags` | an object, its keys in camel case |
// | `variant` | `{ tag, val }` |
// | `result` | `{ tag: "ok" \| "err", val }`; as the result of a function: what it gives, or throws as `payload` |
// | `option` | the value, or `undefined`; around another option `{ tag: "some" \| "none", val }` |
// | `enum`, `string`, `char` | a text |
// | resources | an object of the host's, or a `GuestResource` |
// | `stream`, `future` | see streams.js |

import { loadString, storeString } from "./strings.js";
import { Trap } from "./trap.js";

/**
 * A type of values.
 * @typedef {object} Type
 * @property {number} size bytes in memory
 * @property {number} align
 * @property {string[]} flat the core types that it is flattened to
 * @property {(side: Side, pointer: number) => unknown} load from memory
 * @property {(side: Side, value: unknown, pointer: number) => void} store to memory
 * @property {(side: Side, flat: Flat) => unknown} lift from core values
 * @property {(side: Side, value: unknown, into: (number | bigint)[]) => void} lower to core values
 * @property {string} [kind]
 * @property {Function} [array] for numbers: the typed array that has them
 *
 * @typedef {import("./side.js").Side} Side
 */

/** Core values that are lifted one after the other. */
export class Flat {
  at = 0;
  constructor(values) {
    this.values = values;
  }
  next() {
    return this.values[this.at++];
  }
}

export const alignTo = (pointer, align) => Math.ceil(pointer / align) * align;

function number(size, flat, array, load, store, lift, lower) {
  return { size, align: size, flat: [flat], array, load, store, lift: (side, it) => lift(it.next()), lower: (side, value, into) => into.push(lower(value)) };
}
const plain = (value) => Number(value);
const int = (size, array, get, set, lift) =>
  number(size, "i32", array, (side, at) => side.view[get](at, true), (side, value, at) => side.view[set](at, Number(value), true), lift, (value) => lift(Number(value)) | 0);

function char(code) {
  if (code >= 0x110000 || (code >= 0xd800 && code <= 0xdfff)) throw new Trap("a char is no Unicode scalar value");
  return String.fromCodePoint(code);
}
const codeOf = (letter) => String(letter).codePointAt(0) ?? 0;

/**
 * What lies elsewhere in memory, and is told by its place and its length.
 * @param {(side: Side, pointer: number, length: number) => unknown} read
 * @param {(side: Side, value: unknown) => [number, number]} write puts it into new memory
 */
function elsewhere(read, write) {
  return {
    size: 8,
    align: 4,
    flat: ["i32", "i32"],
    load: (side, at) => read(side, side.view.getUint32(at, true), side.view.getUint32(at + 4, true)),
    store(side, value, at) {
      const [pointer, length] = write(side, value);
      side.view.setUint32(at, pointer, true);
      side.view.setUint32(at + 4, length, true);
    },
    lift: (side, it) => read(side, it.next() >>> 0, it.next() >>> 0),
    lower: (side, value, into) => into.push(...write(side, value)),
  };
}

const PRIMITIVES = {
  bool: number(1, "i32", undefined, (side, at) => side.view.getUint8(at) !== 0, (side, value, at) => side.view.setUint8(at, value ? 1 : 0), (value) => value !== 0, (value) => (value ? 1 : 0)),
  s8: int(1, Int8Array, "getInt8", "setInt8", (value) => (value << 24) >> 24),
  u8: int(1, Uint8Array, "getUint8", "setUint8", (value) => value & 0xff),
  s16: int(2, Int16Array, "getInt16", "setInt16", (value) => (value << 16) >> 16),
  u16: int(2, Uint16Array, "getUint16", "setUint16", (value) => value & 0xffff),
  s32: int(4, Int32Array, "getInt32", "setInt32", (value) => value | 0),
  u32: int(4, Uint32Array, "getUint32", "setUint32", (value) => value >>> 0),
  s64: number(8, "i64", BigInt64Array, (side, at) => side.view.getBigInt64(at, true), (side, value, at) => side.view.setBigInt64(at, BigInt(value), true), (value) => value, (value) => BigInt.asIntN(64, BigInt(value))),
  u64: number(8, "i64", BigUint64Array, (side, at) => side.view.getBigUint64(at, true), (side, value, at) => side.view.setBigUint64(at, BigInt(value), true), (value) => BigInt.asUintN(64, value), (value) => BigInt.asIntN(64, BigInt(value))),
  f32: number(4, "f32", Float32Array, (side, at) => side.view.getFloat32(at, true), (side, value, at) => side.view.setFloat32(at, Number(value), true), plain, plain),
  f64: number(8, "f64", Float64Array, (side, at) => side.view.getFloat64(at, true), (side, value, at) => side.view.setFloat64(at, Number(value), true), plain, plain),
  char: number(4, "i32", undefined, (side, at) => char(side.view.getUint32(at, true)), (side, value, at) => side.view.setUint32(at, codeOf(value), true), (value) => char(value >>> 0), codeOf),
  string: elsewhere(loadString, storeString),
};

/** A list, by what gives and takes its items at a place. */
function list(element) {
  const { size, align, array } = element;
  const read = (side, pointer, length) => {
    const bytes = side.take(pointer, length * size, align);
    if (array === Uint8Array) return bytes.slice();
    if (array !== undefined) return new array(bytes.slice().buffer);
    const values = [];
    for (let at = 0, place = pointer; at < length; at++, place += size) values.push(element.load(side, place));
    return values;
  };
  const write = (side, given) => {
    if (array !== undefined) {
      const numbers = given instanceof array ? given : array.from(given);
      const bytes = array === Uint8Array ? numbers : new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
      return [side.put(bytes, align), numbers.length];
    }
    const pointer = side.allocate(given.length * size, align);
    let place = pointer;
    for (const value of given) {
      element.store(side, value, place);
      place += size;
    }
    return [pointer, given.length];
  };
  return elsewhere(read, write);
}

/** Values one after the other, as parameters and the fields of records lie. */
export function sequence(types) {
  const places = [];
  let [end, align] = [0, 1];
  for (const type of types) {
    const at = alignTo(end, type.align);
    places.push(at);
    end = at + type.size;
    align = Math.max(align, type.align);
  }
  return { places, size: alignTo(end, align), align, flat: types.flatMap((type) => type.flat) };
}

function tuple(types) {
  const { places, size, align, flat } = sequence(types);
  return {
    size,
    align,
    flat,
    load: (side, pointer) => types.map((type, index) => type.load(side, pointer + places[index])),
    store(side, values, pointer) {
      for (let index = 0; index < types.length; index++) types[index].store(side, values[index], pointer + places[index]);
    },
    lift: (side, it) => types.map((type) => type.lift(side, it)),
    lower(side, values, into) {
      for (let index = 0; index < types.length; index++) types[index].lower(side, values[index], into);
    },
  };
}

function record(fields, typeOf) {
  const keys = fields.map(([key]) => key);
  const inner = tuple(fields.map(([, ref]) => typeOf(ref)));
  const named = (values) => {
    const made = {};
    for (let index = 0; index < keys.length; index++) made[keys[index]] = values[index];
    return made;
  };
  const values = (given) => keys.map((key) => given[key]);
  return {
    ...inner,
    load: (side, pointer) => named(inner.load(side, pointer)),
    store: (side, value, pointer) => inner.store(side, values(value), pointer),
    lift: (side, it) => named(inner.lift(side, it)),
    lower: (side, value, into) => inner.lower(side, values(value), into),
  };
}

const bits = new DataView(new ArrayBuffer(8));
/** A core value as one of another core type that has the same bits: cases of a variant share their places. */
function recast(value, from, to) {
  if (from === to) return value;
  if (from === "i32") bits.setBigUint64(0, BigInt.asUintN(32, BigInt(value)));
  else if (from === "i64") bits.setBigUint64(0, BigInt.asUintN(64, value));
  else if (from === "f32") (bits.setUint32(0, 0), bits.setFloat32(4, value));
  else bits.setFloat64(0, value);
  if (to === "i32") return bits.getInt32(4);
  if (to === "i64") return bits.getBigInt64(0);
  return to === "f32" ? bits.getFloat32(4) : bits.getFloat64(0);
}
function join(one, other) {
  if (one === undefined || one === other) return other;
  if (other === undefined) return one;
  return (one === "i32" && other === "f32") || (one === "f32" && other === "i32") ? "i32" : "i64";
}

/**
 * A variant.
 * @param {(Type | null)[]} cases
 * @param {(index: number, payload: unknown) => unknown} make a value of a case
 * @param {(value: unknown) => [number, unknown]} take the case of a value, and its payload
 */
function variant(cases, make, take) {
  const [get, set, discriminantSize] = cases.length <= 0x100 ? ["getUint8", "setUint8", 1] : cases.length <= 0x10000 ? ["getUint16", "setUint16", 2] : ["getUint32", "setUint32", 4];
  const align = Math.max(discriminantSize, ...cases.map((type) => type?.align ?? 1));
  const place = alignTo(discriminantSize, align);
  const size = alignTo(place + Math.max(0, ...cases.map((type) => type?.size ?? 0)), align);
  const shared = [];
  for (const type of cases) type?.flat.forEach((core, index) => (shared[index] = join(shared[index], core)));
  const check = (index) => {
    if (index >= cases.length) throw new Trap("a variant has no such case");
    return cases[index];
  };
  return {
    size,
    align,
    flat: ["i32", ...shared],
    load(side, pointer) {
      const index = side.view[get](pointer, true);
      return make(index, check(index)?.load(side, pointer + place));
    },
    store(side, value, pointer) {
      const [index, payload] = take(value);
      side.view[set](pointer, index, true);
      cases[index]?.store(side, payload, pointer + place);
    },
    lift(side, it) {
      const index = it.next() >>> 0;
      const type = check(index);
      const end = it.at + shared.length;
      const payload = type?.lift(side, new Flat(type.flat.map((core, at) => recast(it.values[it.at + at], shared[at], core))));
      it.at = end;
      return make(index, payload);
    },
    lower(side, value, into) {
      const [index, payload] = take(value);
      into.push(index);
      const type = cases[index];
      const own = [];
      type?.lower(side, payload, own);
      for (let at = 0; at < shared.length; at++) {
        if (at < own.length) into.push(recast(own[at], type.flat[at], shared[at]));
        else into.push(shared[at] === "i64" ? 0n : 0);
      }
    },
  };
}

/** The index of a case by its name. */
function finder(names) {
  const byName = new Map(names.map((name, index) => [name, index]));
  return (name) => {
    const index = byName.get(name);
    if (index === undefined) throw new TypeError(`${JSON.stringify(name)} is none of the cases ${names.join(", ")}`);
    return index;
  };
}

function tagged(names, cases) {
  const find = finder(names);
  return variant(cases, (index, val) => (cases[index] === null ? { tag: names[index] } : { tag: names[index], val }), (value) => [find(value.tag), value.val]);
}

function option(inner) {
  if (inner.kind === "option") return { ...tagged(["none", "some"], [null, inner]), kind: "option" };
  const make = (index, payload) => (index === 0 ? undefined : payload);
  return { ...variant([null, inner], make, (value) => (value === undefined || value === null ? [0] : [1, value])), kind: "option" };
}

function enumeration(names) {
  const find = finder(names);
  return variant(names.map(() => null), (index) => names[index], (value) => [find(value)]);
}

function flags(names) {
  const size = names.length <= 8 ? 1 : names.length <= 16 ? 2 : 4 * Math.ceil(names.length / 32);
  const words = Math.ceil(names.length / 32);
  const [get, set] = size === 1 ? ["getUint8", "setUint8"] : size === 2 ? ["getUint16", "setUint16"] : ["getUint32", "setUint32"];
  const unpack = (packed) => Object.fromEntries(names.map((name, index) => [name, ((packed[index >> 5] >>> (index & 31)) & 1) === 1]));
  const pack = (value) => {
    const packed = new Array(words).fill(0);
    names.forEach((name, index) => value[name] && (packed[index >> 5] |= 1 << (index & 31)));
    return packed;
  };
  const each = Array.from({ length: words }, (_, word) => word);
  return {
    size: names.length === 0 ? 0 : size,
    align: Math.min(size, 4),
    flat: each.map(() => "i32"),
    load: (side, pointer) => unpack(each.map((word) => side.view[get](pointer + 4 * word, true))),
    store: (side, value, pointer) => pack(value).forEach((word, index) => side.view[set](pointer + 4 * index, word >>> 0, true)),
    lift: (side, it) => unpack(each.map(() => it.next())),
    lower: (side, value, into) => into.push(...pack(value)),
  };
}

/** What is an index to the component, and made and taken by the host. */
function handle({ lift, lower }) {
  return {
    size: 4,
    align: 4,
    flat: ["i32"],
    load: (side, at) => lift(side, side.view.getUint32(at, true)),
    store: (side, value, at) => side.view.setUint32(at, lower(side, value), true),
    lift: (side, it) => lift(side, it.next() >>> 0),
    lower: (side, value, into) => into.push(lower(side, value)),
  };
}

/** The types of a description, each made when it is first asked for. */
export class Types {
  #told;
  #made = [];
  #handles;
  /**
   * @param {unknown[][]} told
   * @param {(kind: "own" | "borrow" | "stream" | "future", table: number) => Handle} handles what lifts and lowers an index of a table
   *
   * @typedef {{ lift: (side: Side, index: number) => unknown, lower: (side: Side, value: unknown) => number }} Handle
   */
  constructor(told, handles) {
    this.#told = told;
    this.#handles = handles;
  }
  /** @returns {Type} */
  get(ref) {
    return typeof ref === "string" ? PRIMITIVES[ref] : (this.#made[ref] ??= this.#make(this.#told[ref]));
  }
  /** @returns {Type | null} */
  optional(ref) {
    return ref === null ? null : this.get(ref);
  }
  #make([kind, first, second]) {
    const get = (ref) => this.get(ref);
    switch (kind) {
      case "record":
        return record(first, get);
      case "variant":
        return tagged(first.map(([name]) => name), first.map(([, ref]) => this.optional(ref)));
      case "enum":
        return enumeration(first);
      case "flags":
        return flags(first);
      case "tuple":
        return tuple(first.map(get));
      case "option":
        return option(get(first));
      case "result":
        return { ...tagged(["ok", "err"], [this.optional(first), this.optional(second)]), kind: "result" };
      case "list":
        return list(get(first));
      default:
        return { ...handle(this.#handles(kind, first)), kind };
    }
  }
}
