import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createFilesystemStore, type FilesystemStore } from '../../../platform/filesystem.ts';
import { type ObjectStoreFixture, objectStoreContract } from '../../support/object-store-contract.ts';

const SECRET = 'a'.repeat(64);

const openFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-objects-'));
  const root = join(folder, 'objects');
  const clock = { now: 1_000_000 };
  const open = (secret = SECRET): FilesystemStore =>
    createFilesystemStore({ root, publicUrl: 'http://127.0.0.1:8420/base/', secret, now: () => clock.now });
  return { folder, root, clock, open };
};

objectStoreContract('A folder', async (): Promise<ObjectStoreFixture> => {
  const { folder, root, clock, open } = await openFolder();
  const store = open();
  return {
    store,
    residue: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .sort();
    },
    follow: async (link) => {
      const opened = await store.openLink(new URL(link));
      return opened === null ? null : { ...opened, body: await buffer(opened.body) };
    },
    advance: (ms) => {
      clock.now += ms;
    },
    dispose: () => rm(folder, { recursive: true }),
  };
});

describe('the folder of objects', () => {
  let place: Awaited<ReturnType<typeof openFolder>>;
  beforeEach(async () => {
    place = await openFolder();
  });
  afterEach(() => rm(place.folder, { recursive: true }));

  const LINK = { expiresInMs: 1000, filename: 'a.txt', contentType: 'text/plain' };

  test('it is readable by this user alone', async () => {
    await place.open().put('logs/t1/a', Readable.from(['x']));
    for (const path of ['', 'logs', 'logs/t1', '.incoming']) expect((await stat(join(place.root, path))).mode & 0o777).toBe(0o700);
    expect((await stat(join(place.root, 'logs/t1/a'))).mode & 0o777).toBe(0o600);
  });

  test('links begin with the public address, and another secret does not open them', async () => {
    const store = place.open();
    await store.put('logs/t1/a', Readable.from(['x']));
    const link = await store.presign('logs/t1/a', LINK);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:8420\/base\/objects\/logs\/t1\/a\?expires=1001000&/);
    expect(await place.open('b'.repeat(64)).openLink(new URL(link))).toBeNull();
    expect(await store.openLink(new URL('http://x/objects/%E0%A4%A?expires=1&name=&type=&signature=x'))).toBeNull();
    expect(await store.openLink(new URL('http://x/elsewhere'))).toBeNull();
  });

  test('unfinished uploads can be neither read nor written as objects', async () => {
    const store = place.open();
    await expect(store.get('.incoming/x')).rejects.toThrow();
    await expect(store.deletePrefix('.incoming/')).rejects.toThrow();
  });

  test('what a killed process left is removed a day later, what is being written is not', async () => {
    const incoming = join(place.root, '.incoming');
    await mkdir(incoming, { recursive: true });
    for (const name of ['old', 'new']) await writeFile(join(incoming, name), 'half');
    place.clock.now = Date.now();
    const longAgo = new Date(place.clock.now - 25 * 3600 * 1000);
    await utimes(join(incoming, 'old'), longAgo, longAgo);
    await place.open().put('a', Readable.from(['x']));
    expect(await readdir(incoming)).toEqual(['new']);
  });
});
