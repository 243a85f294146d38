// Core modules as bytes: their sections, numbers, and where an instruction ends (WebAssembly 3.0, "Binary Format").

/** A module has something that is not known here. */
export class UnknownWasm extends Error {}

/** Reads from `bytes`, at `at`. */
export class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }
  byte() {
    if (this.at >= this.end) throw new UnknownWasm(`the module ends within something, at ${this.end}`);
    return this.bytes[this.at++];
  }
  /** A number without a sign, up to 53 bits. */
  unsigned() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
  skip(count) {
    this.at += count;
  }
  /** A number of any kind, whose value does not matter. */
  skipNumber() {
    while (this.byte() >= 0x80);
  }
  skipNumbers(count) {
    for (let index = 0; index < count; index++) this.skipNumber();
  }
  skipName() {
    this.skip(this.unsigned());
  }
  /** Calls `read` as often as the number says that stands here. */
  each(read) {
    const count = this.unsigned();
    for (let index = 0; index < count; index++) read(index);
    return count;
  }
  skipValueType() {
    const byte = this.byte();
    // `ref` and `ref null` name a type.
    if (byte === 0x63 || byte === 0x64) this.skipNumber();
  }
  /** `{ flags, least, most }` of a memory or a table. */
  limits() {
    const flags = this.byte();
    if (flags > 7) throw new UnknownWasm(`limits have the flags ${flags}`);
    const least = this.unsigned();
    return { flags, least, most: flags & 1 ? this.unsigned() : undefined };
  }
}

/** The sections of a module, in order: `{ id, start, end }`. */
export function sections(bytes) {
  const reader = new Reader(bytes, 8);
  const found = [];
  while (reader.at < reader.end) {
    const id = reader.byte();
    const length = reader.unsigned();
    found.push({ id, start: reader.at, end: reader.at + length });
    reader.skip(length);
  }
  return found;
}

/** A number without a sign, as bytes. */
export function unsigned(value) {
  const bytes = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low + 128 : low);
  } while (value > 0);
  return bytes;
}

/** Skips what follows an operation code. */
export function skipImmediates(code, reader) {
  if (code >= 0x45 && code <= 0xc4) return;
  if (code >= 0x28 && code <= 0x3e) return skipMemoryArgument(reader);
  switch (code) {
    case 0x00: case 0x01: case 0x05: case 0x0a: case 0x0b: case 0x0f: case 0x19: case 0x1a: case 0x1b: case 0xd1: case 0xd3: case 0xd4:
      return;
    case 0x02: case 0x03: case 0x04: case 0x06: // Blocks: a type is a number, or a type of a value.
      if (reader.bytes[reader.at] === 0x63 || reader.bytes[reader.at] === 0x64) return reader.skipValueType();
      return reader.skipNumber();
    case 0x07: case 0x08: case 0x09: case 0x0c: case 0x0d: case 0x10: case 0x12: case 0x14: case 0x15: case 0x18:
    case 0x20: case 0x21: case 0x22: case 0x23: case 0x24: case 0x25: case 0x26: case 0x3f: case 0x40: case 0x41: case 0x42:
    case 0xd0: case 0xd2: case 0xd5: case 0xd6:
      return reader.skipNumber();
    case 0x11: case 0x13:
      return reader.skipNumbers(2);
    case 0x0e:
      reader.each(() => reader.skipNumber());
      return reader.skipNumber();
    case 0x1c:
      return void reader.each(() => reader.skipValueType());
    case 0x1f: // try_table
      skipImmediates(0x02, reader);
      return void reader.each(() => reader.skipNumbers(reader.byte() < 2 ? 2 : 1));
    case 0x43:
      return reader.skip(4);
    case 0x44:
      return reader.skip(8);
    case 0xfc:
      return skipBulk(reader.unsigned(), reader);
    case 0xfd:
      return skipVector(reader.unsigned(), reader);
    case 0xfe: // Atomics: all but the fence name a place in memory.
      return reader.unsigned() === 3 ? reader.skip(1) : skipMemoryArgument(reader);
    default:
      throw new UnknownWasm(`the operation code ${code} is not known`);
  }
}

function skipMemoryArgument(reader) {
  const alignment = reader.unsigned();
  if (alignment & 0x40) reader.skipNumber(); // Which memory.
  reader.skipNumber();
}

function skipBulk(code, reader) {
  if (code <= 7) return;
  if (code > 17) throw new UnknownWasm(`the operation code 0xfc ${code} is not known`);
  reader.skipNumbers([8, 10, 12, 14].includes(code) ? 2 : 1);
}

function skipVector(code, reader) {
  if (code > 0x113) throw new UnknownWasm(`the operation code 0xfd ${code} is not known`);
  if (code <= 11 || code === 92 || code === 93) return skipMemoryArgument(reader);
  if (code === 12 || code === 13) return reader.skip(16);
  if (code >= 21 && code <= 34) return reader.skip(1);
  if (code >= 84 && code <= 91) {
    skipMemoryArgument(reader);
    reader.skip(1);
  }
}
