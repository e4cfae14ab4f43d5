import { randomBytes } from 'node:crypto';
import { combineCrc64, createCrc64 } from '../../../platform/cos/crc64.ts';

const crc64 = createCrc64();
const of = (...chunks: readonly Uint8Array[]): bigint => chunks.reduce((crc, chunk) => crc64.update(crc, chunk), 0n);

/** By the definition, bit by bit. */
const byDefinition = (data: Uint8Array): bigint => {
  let crc = 0xffffffffffffffffn;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return crc ^ 0xffffffffffffffffn;
};

test('the published check value, and nothing', () => {
  expect(of(Buffer.from('123456789'))).toBe(0x995dc9bbdf1939fan);
  expect(of()).toBe(0n);
  expect(of(Buffer.alloc(0))).toBe(0n);
});

test.each([1, 7, 15, 16, 17, 100, 65_535, 65_536, 65_537, 200_001])('%d bytes, in one piece and in any pieces', (length) => {
  const data = randomBytes(length);
  const expected = byDefinition(data);
  expect(of(data)).toBe(expected);
  const cut = Math.floor(length / 3);
  expect(of(data.subarray(0, cut), data.subarray(cut))).toBe(expected);
});

test.each([
  [0, 5],
  [5, 0],
  [3, 1],
  [1000, 65_537],
])('the checksums of %d and %d bytes combine', (first, second) => {
  const [a, b] = [randomBytes(first), randomBytes(second)];
  expect(combineCrc64(of(a), of(b), b.length)).toBe(of(a, b));
});
