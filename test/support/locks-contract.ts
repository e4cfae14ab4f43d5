import type { Locks } from '../../tasks/ports/locks.ts';

export interface LocksFixture {
  readonly locks: Locks;
  /** Moves the clock that leases go by. */
  advance(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

const LEASE_MS = 10_000;

/** What all locks promise. */
export const locksContract = (name: string, open: () => Promise<LocksFixture>): void => {
  describe(`${name} as locks`, () => {
    let fixture: LocksFixture;
    let locks: Locks;
    const locked = async (lock: string): Promise<string> => {
      const token = await locks.lock(lock, LEASE_MS);
      if (token === null) throw new Error(`${lock} is held`);
      return token;
    };
    beforeEach(async () => {
      fixture = await open();
      locks = fixture.locks;
    });
    afterEach(() => fixture.dispose());

    test('one holder at a time, for each name', async () => {
      const tokens = await Promise.all(Array.from({ length: 10 }, () => locks.lock('a', LEASE_MS)));
      expect(tokens.filter((token) => token !== null)).toHaveLength(1);
      expect(await locks.lock('b', LEASE_MS)).not.toBeNull();
    });

    test('only its token gives it back', async () => {
      const token = await locked('a');
      expect(await locks.release('a', 'another')).toBe(false);
      expect(await locks.lock('a', LEASE_MS)).toBeNull();
      expect(await locks.release('a', token)).toBe(true);
      expect(await locks.release('a', token)).toBe(false);
      expect(await locked('a')).not.toBe(token);
    });

    test('a lease lapses, and its late holder neither renews nor releases the next one', async () => {
      const late = await locked('a');
      await fixture.advance(LEASE_MS + 1);
      const next = await locked('a');
      expect(await locks.renew('a', late, LEASE_MS)).toBe(false);
      expect(await locks.release('a', late)).toBe(false);
      expect(await locks.release('a', next)).toBe(true);
    });

    test('a renewed lease lasts anew', async () => {
      const token = await locked('a');
      await fixture.advance(LEASE_MS - 1000);
      expect(await locks.renew('a', token, LEASE_MS)).toBe(true);
      await fixture.advance(LEASE_MS - 1000);
      expect(await locks.lock('a', LEASE_MS)).toBeNull();
      await fixture.advance(2000);
      expect(await locks.renew('a', token, LEASE_MS)).toBe(false);
    });
  });
};
