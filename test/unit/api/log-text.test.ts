import { lastLines } from '../../../api/log-text.ts';

async function* pieces(...texts: string[]) {
  yield* texts;
}

describe('lastLines', () => {
  it.each([
    [['a\nb\nc\n'], 2, 'b\nc\n'],
    [['a\nb', 'b\nc'], 2, 'bb\nc'],
    [['a', 'b', 'c'], 1, 'abc'],
    [['a\n', 'b\n'], 5, 'a\nb\n'],
    [['a\n', '\n', '\n'], 2, '\n\n'],
    [[], 3, ''],
  ])('of %j the last %i are %j', async (texts, count, expected) => {
    expect(await lastLines(pieces(...texts), count)).toBe(expected);
  });
});
