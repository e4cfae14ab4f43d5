import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outdatingStores } from '../../../platform/outdating-stores.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { FRESH_MS, type StatusCache } from '../../../tasks/ports/status-cache.ts';

const spec = { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend it', mode: 'modify' } as const;
const cacheThat = (outdated: boolean): StatusCache => ({
  get: async () => null,
  put: async () => undefined,
  outdate: async () => outdated,
  remove: async () => undefined,
});

const msOf = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

test('an end is not told before everybody shows it: a cache that can not be told is waited out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-outdating-'));
  const stores = await openSqliteStore(join(folder, 'store.db'));
  const unreachable = outdatingStores(stores, cacheThat(false));
  for (const id of ['t1', 't2']) await stores.tasks.insert({ id, owner: 'ada', spec });
  // Only what ends a task is worth the wait.
  const going = await msOf(() => unreachable.tasks.update('t1', 1, { status: 'PROCESSING' }));
  const ended = await msOf(() => unreachable.tasks.update('t1', 2, { status: 'COMPLETED' }));
  expect(ended).toBeGreaterThanOrEqual(FRESH_MS.unfinished - 50);
  expect(await unreachable.tasks.update('t1', 3, { status: 'FAILED' })).toBe('terminal');
  const told = await msOf(() => outdatingStores(stores, cacheThat(true)).tasks.update('t2', 1, { status: 'COMPLETED' }));
  expect(Math.max(going, told)).toBeLessThan(ended);
  await stores.close();
  await rm(folder, { recursive: true });
});
