import { crc64Module, INPUT_AT, INPUT_BYTES, LANES } from './crc64-module.ts';

/** The reflected ECMA-182 polynomial, as COS (and xz) uses it. */
const POLYNOMIAL = 0xc96c5795d7870f42n;
const ONES = 0xffffffffffffffffn;

/** The checksum of `x-cos-hash-crc64ecma`. That of nothing is 0. */
export interface Crc64 {
  /** The checksum of what `crc` stands for with `chunk` behind it. */
  update(crc: bigint, chunk: Uint8Array): bigint;
}

/** Table `lane` says what a byte does to the checksum that `lane` more bytes follow. */
const fillTables = (tables: BigUint64Array): void => {
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1n ? (crc >> 1n) ^ POLYNOMIAL : crc >> 1n;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0n;
    tables[at] = (before >> 8n) ^ (tables[Number(before & 255n)] ?? 0n);
  }
};

type Step = (at: number, end: number, crc: bigint) => bigint;
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly blocks: Step;
  readonly bytes: Step;
}

/** What is used of it; only the DOM's types would declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

export const createCrc64 = (): Crc64 => {
  // The module is our own, so its exports are known.
  const { memory, blocks, bytes } = new WebAssembly.Instance(new WebAssembly.Module(crc64Module())).exports as Exports;
  fillTables(new BigUint64Array(memory.buffer, 0, LANES * 256));
  const input = new Uint8Array(memory.buffer, INPUT_AT, INPUT_BYTES);
  const step = (crc: bigint, piece: Uint8Array): bigint => {
    input.set(piece);
    const end = INPUT_AT + piece.length;
    const whole = end - (piece.length % LANES);
    const summed = whole === INPUT_AT ? crc : blocks(INPUT_AT, whole, crc);
    return whole === end ? summed : bytes(whole, end, summed);
  };
  return {
    update: (before, chunk) => {
      let crc = before ^ ONES;
      for (let at = 0; at < chunk.length; at += INPUT_BYTES) crc = step(crc, chunk.subarray(at, at + INPUT_BYTES));
      return BigInt.asUintN(64, crc) ^ ONES;
    },
  };
};

/** Product of two polynomials modulo the checksum's, bits reflected: the highest bit is x⁰. */
const multiply = (left: bigint, right: bigint): bigint => {
  let product = 0n;
  let factor = right;
  for (let bit = 1n << 63n; bit > 0n; bit >>= 1n) {
    if (left & bit) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ POLYNOMIAL : factor >> 1n;
  }
  return product;
};

/** The checksum of two pieces in a row, from theirs and the second one's length: the first is moved up by that many bytes, a power of x. */
export const combineCrc64 = (first: bigint, second: bigint, secondBytes: number): bigint => {
  let shift = 1n << 63n;
  let power = 1n << 55n;
  for (let rest = BigInt(secondBytes); rest > 0n; rest >>= 1n) {
    if (rest & 1n) shift = multiply(shift, power);
    power = multiply(power, power);
  }
  return multiply(shift, first) ^ second;
};
