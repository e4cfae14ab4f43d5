import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAbsent, makeFirstKey, readSecretPlan } from '../../../cli/commands/admin-secrets.ts';
import type { NamedSecrets } from '../../../platform/kubernetes/named-secrets.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';

const inMemory = (held: Record<string, Readonly<Record<string, string>>> = {}): NamedSecrets & { readonly held: typeof held } => ({
  held,
  exists: async (name) => name in held,
  create: async (name, values) => {
    if (name in held) return false;
    held[name] = values;
    return true;
  },
});

const PLAN = JSON.stringify([
  { name: 'station', random: ['secret'] },
  { name: 'mysql', random: ['password', 'root-password'], values: { url: 'mysql://codebay:{password}@db:3306/codebay' } },
]);

test('what is absent is made once, with the random texts put into what is made from them', async () => {
  const secrets = inMemory();
  expect(await makeAbsent(secrets, readSecretPlan(PLAN))).toEqual(['station', 'mysql']);
  expect(secrets.held.station?.secret).toMatch(/^[0-9a-f]{64}$/);
  const { password, 'root-password': root, url } = secrets.held.mysql ?? {};
  expect(password).toMatch(/^[0-9a-f]{64}$/);
  expect(root).not.toBe(password);
  expect(url).toBe(`mysql://codebay:${password}@db:3306/codebay`);
  const before = structuredClone(secrets.held);
  expect(await makeAbsent(secrets, readSecretPlan(PLAN))).toEqual([]);
  expect(secrets.held).toEqual(before);
});

test('a plan that is none is refused by name, never by its text', () => {
  expect(() => readSecretPlan('{"password":"canary"}')).toThrow(/^--plan is not a list of secrets/);
  expect(() => readSecretPlan('')).toThrow(/^--plan is not a list of secrets/);
});

describe('the first key', () => {
  let folder: string;
  let stores: Awaited<ReturnType<typeof openSqliteStore>>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codebay-keys-'));
    stores = await openSqliteStore(join(folder, 'store.db'));
  });
  afterEach(async () => {
    await stores.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('is made once, is good, and is in the Secret alone', async () => {
    const secrets = inMemory();
    expect(await makeFirstKey(secrets, stores.apiKeys, 'first-key', 'ada')).toBe(true);
    expect(await stores.apiKeys.verify(secrets.held['first-key']?.key ?? '')).toBe('ada');
    expect(await makeFirstKey(secrets, stores.apiKeys, 'first-key', 'ada')).toBe(false);
    expect(await stores.apiKeys.list()).toHaveLength(1);
  });

  test('a key that finds no Secret to stand in is good for nothing', async () => {
    const refused = new Error('forbidden');
    const secrets = { ...inMemory(), create: () => Promise.reject(refused) };
    await expect(makeFirstKey(secrets, stores.apiKeys, 'first-key', 'ada')).rejects.toBe(refused);
    const overtaken = { ...inMemory(), create: async () => false };
    expect(await makeFirstKey(overtaken, stores.apiKeys, 'first-key', 'ada')).toBe(false);
    expect((await stores.apiKeys.list()).map(({ revoked_at }) => revoked_at !== null)).toEqual([true, true]);
  });
});
