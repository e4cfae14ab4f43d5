import { bodyHash } from '../../../tasks/body-hash.ts';
import { taskSpecSchema } from '../../../tasks/spec.ts';

const git = { type: 'git', url: 'https://example.com/a/b' };
const spec = (value: object) => taskSpecSchema.parse(value);

describe('bodyHash', () => {
  const base = spec({ source: git, prompt: 'x', labels: { a: '1', b: '2' } });

  it('knows the same task in another order, with defaults written out', () => {
    expect(bodyHash(spec({ labels: { b: '2', a: '1' }, mode: 'modify', prompt: 'x', source: git }), null)).toBe(bodyHash(base, null));
  });

  it.each([
    ['prompt', spec({ source: git, prompt: 'y', labels: { a: '1', b: '2' } }), null],
    ['label', spec({ source: git, prompt: 'x', labels: { a: '1', b: '3' } }), null],
    ['mode', spec({ source: git, prompt: 'x', mode: 'review', labels: { a: '1', b: '2' } }), null],
    ['zip', base, 'ab'],
  ])('tells another %s apart', (_, other, zip) => {
    expect(bodyHash(other, zip)).not.toBe(bodyHash(base, null));
  });
});
