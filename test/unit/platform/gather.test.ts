import { gather } from '../../../platform/store/gather.ts';

/** Work whose turn comes, and ends, when the test says so. */
const createFixture = (max: number) => {
  const calls: { readonly take: () => readonly number[]; readonly done: PromiseWithResolvers<readonly string[]> }[] = [];
  const put = gather<number, string>((take) => {
    const done = Promise.withResolvers<readonly string[]>();
    calls.push({ take, done });
    return done.promise;
  }, max);
  return { calls, put };
};

test('what comes until its turn is one lot, and each item gets its own outcome', async () => {
  const { calls, put } = createFixture(9);
  const first = [put(1), put(2)];
  expect(calls).toHaveLength(1);
  expect(calls[0]?.take()).toEqual([1, 2]);
  const second = put(3);
  expect(calls).toHaveLength(2);
  expect(calls[0]?.take()).toEqual([1, 2]);
  expect(calls[1]?.take()).toEqual([3]);
  calls[1]?.done.resolve(['three']);
  expect(await second).toBe('three');
  calls[0]?.done.resolve(['one', 'two']);
  expect(await Promise.all(first)).toEqual(['one', 'two']);
});

test('a lot is no larger than it may be', () => {
  const { calls, put } = createFixture(2);
  for (const item of [1, 2, 3]) void put(item);
  expect(calls.map(({ take }) => take())).toEqual([[1, 2], [3]]);
});

test.each([
  ['before its turn', false],
  ['after it', true],
])('a lot that fails %s fails its own items, and the next one is done', async (_, taken) => {
  const { calls, put } = createFixture(9);
  const failing = [put(1), put(2)];
  if (taken) calls[0]?.take();
  calls[0]?.done.reject(new Error('full'));
  const failed = { status: 'rejected', reason: { message: 'full' } };
  expect(await Promise.allSettled(failing)).toMatchObject([failed, failed]);
  const next = put(3);
  expect(calls[1]?.take()).toEqual([3]);
  calls[1]?.done.resolve(['three']);
  expect(await next).toBe('three');
});
