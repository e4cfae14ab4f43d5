import type { Rates } from '../../tasks/ports/rates.ts';

export interface RatesFixture {
  readonly rates: Rates;
  dispose(): Promise<void>;
}

/** What every rate limiter promises within one process. */
export const ratesContract = (name: string, open: () => Promise<RatesFixture>): void => {
  describe(`${name} as rate limits`, () => {
    let fixture: RatesFixture;
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(() => fixture.dispose());
    const grantedOf = async (taken: Promise<readonly { granted: boolean }[]>) => (await taken).filter(({ granted }) => granted).length;

    test.each([1, 3, 75, 1000])('grants exactly %i a minute, one after the other', async (perMinute) => {
      const limit = fixture.rates.limit('requests', perMinute);
      for (let n = 0; n < perMinute; n += 1) expect(await limit.take('ada')).toEqual({ granted: true });
      const refused = await limit.take('ada');
      expect(refused).toEqual({ granted: false, retryAfterMs: expect.any(Number) });
      const { retryAfterMs } = refused as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    });

    test('grants exactly as many to those who ask at once', async () => {
      const limit = fixture.rates.limit('requests', 120);
      expect(await grantedOf(Promise.all(Array.from({ length: 300 }, () => limit.take('ada'))))).toBe(120);
    });

    test('each key and each name has its own', async () => {
      const limit = fixture.rates.limit('requests', 1);
      expect(await limit.take('ada')).toEqual({ granted: true });
      expect(await limit.take('bob')).toEqual({ granted: true });
      expect(await fixture.rates.limit('submissions', 1).take('ada')).toEqual({ granted: true });
      expect(await limit.take('ada')).toMatchObject({ granted: false });
    });
  });
};
