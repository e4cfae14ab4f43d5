import fc from 'fast-check';
import { createSecretScan } from '../../../agent/sidecar/secret-scan.ts';

const SECRET = 'p@ss/wörd+1=.*';
const found = (chunks: readonly (string | Buffer)[], secrets: Record<string, string> = { TOKEN: SECRET, OTHER: 'something-else' }) => {
  const scan = createSecretScan(secrets);
  for (const chunk of chunks) scan.push(Buffer.from(chunk));
  return scan.found();
};

test.each([
  ['raw', SECRET],
  ['URL-encoded', encodeURIComponent(SECRET)],
  ['URL-encoded in lower case', encodeURIComponent(SECRET).replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())],
  ['base64', Buffer.from(SECRET).toString('base64')],
  ['base64url', Buffer.from(SECRET).toString('base64url')],
  ...['a:', 'ab:', 'abc:'].map((user) => ['base64 inside a longer text', Buffer.from(`${user}${SECRET}!!!`).toString('base64')]),
])('finds a secret %s', (_, form) => {
  expect(found([`before ${form} after`])).toEqual(['TOKEN']);
});

test('finds a secret wherever the chunks are cut, in whatever bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(90), { maxLength: 5 }), (before, cuts) => {
      const whole = Buffer.concat([before, Buffer.from(SECRET), before]);
      const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((one, other) => one - other), whole.length];
      expect(found(places.slice(1).map((end, at) => whole.subarray(places[at], end)))).toEqual(['TOKEN']);
    }),
  );
});

test('finds nothing where only parts or names are, and does not look for values that any file may hold', () => {
  expect(found([SECRET.slice(0, -1), `${'x'.repeat(70_000)}TOKEN`, SECRET.slice(1)])).toEqual([]);
  expect(createSecretScan({ TINY: 'main', NONE: '' }).needed).toBe(false);
  expect(found(['main'], { TINY: 'main' })).toEqual([]);
});
