import { hostileTaskOn, isRoot } from '../support/hostile-station.ts';
import { HOSTILE_PROCESSES } from '../support/hostile-task.ts';

const STATION_MS = 180_000;

/** What a program gets in every phase: its own folders, and nothing else. */
const NOTHING = {
  connected: [],
  interfaces: ['lo'],
  read: [],
  wrote: ['code', 'own home', 'own tmp'],
  secrets: [],
  escaped: [],
  // It did run, and left a daemon, so that the host can look for it.
  daemon: true,
};
const NO_DOOR = { sockets: [], listening: 0, doors: { statuses: [], proxies: 0 }, proxy: 0 };

describe.each(isRoot ? ['root', 'an ordinary user'] : ['an ordinary user'])('on a station of %s', (who) => {
  test(
    'a hostile repository reaches nothing in any phase, and nothing of it is left',
    async () => {
      const found = await hostileTaskOn({ isolation: 'bubblewrap', asUser: who !== 'root' });
      if (found === null) return;
      const { setup, agent, verify, daemons } = found;

      // One door each: set-up's proxy answers only what proxies are asked, the agent's relay nothing but the model's paths.
      expect(setup).toMatchObject({
        ...NOTHING,
        sockets: ['/run/codebay/proxy.sock'],
        listening: 1,
        doors: { statuses: [400], proxies: 0 },
      });
      expect(agent).toMatchObject({
        ...NOTHING,
        sockets: ['/run/codebay/model.sock'],
        listening: 1,
        doors: { statuses: [404], proxies: 0 },
        proxy: 0,
      });
      expect(verify).toMatchObject({ ...NOTHING, ...NO_DOOR });
      for (const { uid, forked, searched } of [setup, agent, verify]) {
        expect(uid).not.toBe(0);
        expect(forked).toBeLessThan(HOSTILE_PROCESSES);
        expect(searched).toBeGreaterThan(50);
      }
      expect(daemons).toEqual({ ofSetup: 0, ofAgent: 1, afterwards: 0 });
    },
    STATION_MS,
  );
});

test(
  'the same repository without isolation reaches what the others were kept from',
  async () => {
    const found = await hostileTaskOn({ isolation: 'none', asUser: false });
    const everything = {
      connected: expect.arrayContaining(['api', 'gateway', 'temporal', 'temporal_ui', 'git', 'model', 'abstract socket', 'socket file']),
      interfaces: expect.arrayContaining(['lo']),
      read: ['home', 'data folder', 'API key', 'neighbour', 'file of the host'],
      wrote: expect.arrayContaining(['folder of the host', 'data folder', 'neighbour']),
      secrets: ['an API key', 'an identity', 'the API key', 'the model key', "the station's secret"],
      escaped: expect.arrayContaining([
        'user namespace',
        'see a process of the host',
        'signal a process of the host',
        'the root of another process',
      ]),
    };
    expect(found?.setup).toMatchObject(everything);
    expect(found?.agent).toMatchObject(everything);
    expect(found?.verify).toMatchObject(everything);
    expect(found?.daemons.ofSetup).toBeGreaterThan(0);
    expect(found?.daemons.afterwards).toBe(0);
  },
  STATION_MS,
);
