import { Readable } from 'node:stream';
import { evictSnapshots } from '../../../activities/evict-snapshots.ts';
import { setupSnapshotKey } from '../../../tasks/object-keys.ts';
import { openStationData } from '../../support/station-data.ts';

test('set-ups that are too old, or used longest ago and too many, go with their objects', async () => {
  await using data = await openStationData();
  const { snapshots } = data.stores;
  const sha256 = 'a'.repeat(64);
  const entry = (id: string) => ({ id: id.repeat(64), owner: 'alice', sha256, size_bytes: 40 });
  for (const id of ['1', '2', '3']) {
    await data.objects.put(setupSnapshotKey(entry(id)), Readable.from(['x']));
    await snapshots.save(entry(id));
  }
  const evict = (ageMs: number, now = Date.now()) => {
    const deps = { snapshots, objects: data.objects, now: () => now };
    return evictSnapshots({ ...deps, snapshotLimits: { ageMs, totalBytes: 100 } }, () => undefined);
  };
  const left = async () => {
    const present = await Promise.all(['1', '2', '3'].map(async (id) => (await data.objects.stat(setupSnapshotKey(entry(id)))) !== null));
    expect(await Promise.all(['1', '2', '3'].map(async (id) => (await snapshots.find('alice', id.repeat(64))) !== null))).toEqual(present);
    return present.filter(Boolean).length;
  };
  await evict(60_000);
  expect(await left()).toBe(2);
  await evict(60_000);
  expect(await left()).toBe(2);
  await evict(60_000, Date.now() + 61_000);
  expect(await left()).toBe(0);
});
