import fc from 'fast-check';
import { createRedaction } from '../../../agent/sidecar/redaction.ts';

const SECRET = 'p@ss/wörd+1=';

const through = (chunks: readonly Buffer[], secrets = [SECRET]): Buffer => {
  const stream = createRedaction(secrets).stream();
  return Buffer.concat([...chunks.map(stream.push), stream.flush()]);
};

test.each([
  ['raw', SECRET],
  ['URL-encoded', encodeURIComponent(SECRET)],
  ['URL-encoded in lower case', encodeURIComponent(SECRET).replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())],
  ['base64', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')],
])('hides a secret %s', (_, form) => {
  const hidden = createRedaction([SECRET]).text(`before ${form} after`);
  expect(hidden).toContain('[redacted]');
  expect(hidden).not.toContain(form);
  expect(hidden).toMatch(/^before .* after$/);
});

test.each(['a:', 'ab:', 'abc:'])('hides a secret inside longer base64, at any alignment (%s)', (user) => {
  const encoded = Buffer.from(`${user}${SECRET}!!!`).toString('base64');
  const hidden = createRedaction([SECRET]).text(encoded);
  const left = Buffer.from(hidden.replace('[redacted]', ''), 'base64').toString();
  expect(hidden).toContain('[redacted]');
  expect(left).not.toContain('ss/w');
});

test('hides a secret wherever the chunks are cut, and changes nothing else', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(fc.nat(90), { maxLength: 5 }),
      (before, after, cuts) => {
        const whole = Buffer.concat([before, Buffer.from(SECRET), after]);
        const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((one, other) => one - other), whole.length];
        const chunks = places.slice(1).map((end, at) => whole.subarray(places[at], end));
        expect(through(chunks).equals(Buffer.concat([before, Buffer.from('[redacted]'), after]))).toBe(true);
      },
    ),
  );
});

test('a secret added later is hidden in a stream that is open; tiny values are left alone', () => {
  const redaction = createRedaction(['1']);
  const stream = redaction.stream();
  expect(stream.push(Buffer.from('1 late-secret\n')).toString()).toBe('1 late-secret\n');
  redaction.add(['late-secret']);
  expect(stream.push(Buffer.from('1 late-secret\n')).toString()).toBe('1 [redacted]\n');
});
