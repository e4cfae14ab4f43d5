/** A table has 256 entries of 8 bytes; the module's memory holds `LANES` of them, then the bytes to sum. */
const TABLE_BYTES = 2048;
/** Bytes taken at a step, each with a table of its own. */
export const LANES = 16;
export const INPUT_AT = LANES * TABLE_BYTES;
export const INPUT_BYTES = 64 * 1024;
const PAGES = Math.ceil((INPUT_AT + INPUT_BYTES) / 65_536);

/** WebAssembly's instructions that are used here, and its two number types. */
const OP = {
  end: 0x0b,
  loop: 0x03,
  branchIf: 0x0d,
  get: 0x20,
  set: 0x21,
  load64: 0x29,
  load8: 0x31,
  const32: 0x41,
  const64: 0x42,
} as const;
const ALU = { less32: 0x49, and32: 0x71, add32: 0x6a, xor64: 0x85, shiftLeft64: 0x86, shiftRight64: 0x88, wrap: 0xa7 } as const;
const TYPE = { i32: 0x7f, i64: 0x7e, none: 0x40, function: 0x60 } as const;
/** Parameters and locals, by number. */
const [AT, END, CRC, FIRST, SECOND] = [0, 1, 2, 3, 4] as const;

const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]);
const signed = (value: number): number[] => (value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)]);
const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes];
const section = (id: number, ...items: readonly (readonly number[])[]): number[] => [
  id,
  ...sized([...unsigned(items.length), ...items.flat()]),
];

/** Pushes the entry of `table` for one byte of a word. */
const lookUp = (word: number, byte: number, table: number): number[] => [
  ...[OP.get, word],
  // The byte times 8, an entry's size.
  ...(byte === 0 ? [OP.const64, 3, ALU.shiftLeft64] : [OP.const64, ...signed(8 * byte - 3), ALU.shiftRight64]),
  ...[ALU.wrap, OP.const32, ...signed(255 * 8), ALU.and32],
  ...[OP.load64, 3, ...unsigned(table * TABLE_BYTES)],
];

/** `(at, end, crc) → crc`: repeats `body` in steps of `bytes` until `at` has come to `end`. */
const looped = (body: readonly number[], bytes: number): number[] =>
  sized([
    ...[1, 2, TYPE.i64, OP.loop, TYPE.none, ...body],
    ...[OP.get, AT, OP.const32, bytes, ALU.add32, OP.set, AT],
    ...[OP.get, AT, OP.get, END, ALU.less32, OP.branchIf, 0, OP.end],
    ...[OP.get, CRC, OP.end],
  ]);

const bytesOf = (word: number, firstTable: number) => [0, 1, 2, 3, 4, 5, 6, 7].map((byte) => lookUp(word, byte, firstTable - byte));

/** As a tree: a chain would have each exclusive-or wait for the one before it. */
const xorAll = (entries: readonly (readonly number[])[]): readonly number[] => {
  if (entries.length === 1) return entries[0] ?? [];
  const half = entries.length / 2;
  return [...xorAll(entries.slice(0, half)), ...xorAll(entries.slice(half)), ALU.xor64];
};

const sixteenBytes = [
  ...[OP.get, AT, OP.load64, 0, 0, OP.get, CRC, ALU.xor64, OP.set, FIRST],
  ...[OP.get, AT, OP.load64, 0, 8, OP.set, SECOND],
  ...xorAll([...bytesOf(FIRST, 15), ...bytesOf(SECOND, 7)]),
  ...[OP.set, CRC],
];

const oneByte = [
  ...[OP.get, AT, OP.load8, 0, 0, OP.get, CRC, ALU.xor64, OP.set, FIRST],
  ...lookUp(FIRST, 0, 0),
  ...[OP.get, CRC, OP.const64, 8, ALU.shiftRight64, ALU.xor64, OP.set, CRC],
];

const named = (name: string, kind: number, index: number): number[] => [...sized([...Buffer.from(name)]), kind, index];

/**
 * A WebAssembly module that updates a table-driven CRC-64, `blocks` by 16 bytes and `bytes` by one. It stands here as instructions because
 * 64-bit arithmetic in JavaScript reaches 0.6 GB/s at best, this 1.6; Node brings no CRC-64, the SDK none either.
 */
export const crc64Module = (): Uint8Array<ArrayBuffer> =>
  new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [TYPE.function, 3, TYPE.i32, TYPE.i32, TYPE.i64, 1, TYPE.i64]),
    ...section(3, [0], [0]),
    ...section(5, [0, PAGES]),
    ...section(7, named('memory', 2, 0), named('blocks', 0, 0), named('bytes', 0, 1)),
    ...section(10, looped(sixteenBytes, 16), looped(oneByte, 1)),
  ]);
