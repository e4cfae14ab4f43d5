import { type CachedTask, KEPT_OUT_MS, type StatusCache } from '../../tasks/ports/status-cache.ts';

export interface StatusCacheFixture {
  readonly cache: StatusCache;
  /** Moves all clocks that the cache goes by. */
  advance(ms: number): Promise<void>;
  now(): number;
  dispose(): Promise<void>;
}

/** What every status cache promises while nothing is wrong with it. */
export const statusCacheContract = (name: string, open: () => Promise<StatusCacheFixture>): void => {
  describe(`${name} as a status cache`, () => {
    let fixture: StatusCacheFixture;
    let cache: StatusCache;
    const entry = (version: number, freshForMs = 2000): CachedTask => ({
      owner: 'ada / räksmörgås\n1 2 3',
      version,
      json: `{"version":${version},"text":"line\\nand — more"}`,
      freshUntil: fixture.now() + freshForMs,
    });

    beforeEach(async () => {
      fixture = await open();
      cache = fixture.cache;
    });
    afterEach(() => fixture.dispose());

    test('what was put comes back whole, for its task alone', async () => {
      const put = entry(4);
      await cache.put('t1', put);
      expect(await cache.get('t1')).toEqual(put);
      expect(await cache.get('t')).toBeNull();
      expect(await cache.get('t11')).toBeNull();
    });

    test('an entry is shown for as long as it is fresh, unless it is put again', async () => {
      await cache.put('t1', entry(4));
      await fixture.advance(1500);
      await cache.put('t1', entry(4));
      await fixture.advance(1500);
      expect(await cache.get('t1')).toMatchObject({ version: 4 });
      await fixture.advance(600);
      expect(await cache.get('t1')).toBeNull();
    });

    test('an entry that came too late to be fresh is not taken', async () => {
      await cache.put('t1', entry(4, 0));
      await cache.put('t2', entry(4, -5000));
      expect([await cache.get('t1'), await cache.get('t2')]).toEqual([null, null]);
    });

    test('a late writer of a lower version loses, the same version and a higher one win', async () => {
      await cache.put('t1', entry(8));
      await cache.put('t1', entry(4));
      expect(await cache.get('t1')).toMatchObject({ version: 8 });
      const refreshed = { ...entry(8), json: '"refreshed"' };
      await cache.put('t1', refreshed);
      expect(await cache.get('t1')).toEqual(refreshed);
      await cache.put('t1', entry(2 ** 40));
      expect(await cache.get('t1')).toMatchObject({ version: 2 ** 40 });
    });

    test('what is outdated is gone at once, and kept out for a while; what is as new stays', async () => {
      await cache.put('t1', entry(4));
      expect(await cache.outdate('t1', 8)).toBe(true);
      expect(await cache.get('t1')).toBeNull();
      await cache.put('t1', entry(7));
      expect(await cache.get('t1')).toBeNull();
      await cache.put('t1', entry(9));
      await cache.outdate('t1', 8);
      await cache.outdate('t1', 9);
      expect(await cache.get('t1')).toMatchObject({ version: 9 });
    });

    test('an outdated version is kept out where nothing was known before', async () => {
      await cache.outdate('t1', 8);
      await fixture.advance(KEPT_OUT_MS - 1000);
      await cache.put('t1', entry(7));
      expect(await cache.get('t1')).toBeNull();
    });

    test('an erased task is gone, and no late writer brings it back', async () => {
      await cache.put('t1', entry(4));
      await cache.remove('t1');
      await cache.put('t1', entry(2 ** 40));
      expect(await cache.get('t1')).toBeNull();
      await fixture.advance(KEPT_OUT_MS - 1000);
      await cache.put('t1', entry(2 ** 40));
      expect(await cache.get('t1')).toBeNull();
    });

    test('of parallel writers the highest version stays', async () => {
      const versions = Array.from({ length: 50 }, (_, n) => (n * 37) % 50);
      await Promise.all(versions.map((version) => cache.put('t1', entry(version))));
      expect(await cache.get('t1')).toMatchObject({ version: 49 });
    });
  });
};
