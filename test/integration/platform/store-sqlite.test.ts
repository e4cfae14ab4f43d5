import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { StoreTooNewError } from '../../../platform/store/migrate.ts';
import { createNodeSqliteDialect } from '../../../platform/store/node-sqlite-dialect.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';
import { type StoreFixture, storeContract } from '../../support/store-contract.ts';

const openFixture = async (): Promise<StoreFixture> => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-store-'));
  const file = join(folder, 'data', 'store.db');
  return {
    connect: (options) => openSqliteStore(file, options),
    address: ['sqlite', file],
    dispose: () => rm(folder, { recursive: true }),
  };
};

storeContract('SQLite', openFixture);

describe('the SQLite file', () => {
  let fixture: StoreFixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.dispose());

  test('it and its side files are readable by this user alone', async () => {
    const stores = await fixture.connect();
    try {
      await stores.apiKeys.create('alice');
      for (const suffix of ['', '-wal', '-shm']) expect((await stat(`${fixture.address[1]}${suffix}`)).mode & 0o777).toBe(0o600);
    } finally {
      await stores.close();
    }
  });

  test('nothing of an erased task is left in the file', async () => {
    const canary = 'canary-7d1f0b';
    const source = { type: 'git', url: 'https://example.org/app' } as const;
    const holds = async () => (await readFile(fixture.address[1])).includes(canary);

    const first = await fixture.connect();
    await first.tasks.insert({ id: 't1', owner: 'alice', spec: { source, prompt: canary, mode: 'modify' } });
    const log = { type: 'log', data: { stream: 'agent', text: canary.repeat(5000) }, source_seq: 1, at: 0 } as const;
    await first.events.append('t1', 'run', [log]);
    await first.tasks.update('t1', 1, { status: 'COMPLETED' });
    await first.close();
    expect(await holds()).toBe(true);

    const second = await fixture.connect();
    await second.tasks.erase('t1');
    await second.close();
    expect(await holds()).toBe(false);
  });

  test('a file of a newer version is refused and left alone', async () => {
    await (await fixture.connect()).close();
    const database = new DatabaseSync(fixture.address[1]);
    database.exec('insert into schema_version (version) values (9999)');
    database.close();
    await expect(fixture.connect()).rejects.toBeInstanceOf(StoreTooNewError);
  });

  test('a write waits for another process without blocking this one', async () => {
    const stores = await fixture.connect();
    const blocker = new DatabaseSync(fixture.address[1]);
    try {
      blocker.exec('begin immediate');
      const key = stores.apiKeys.create('alice');
      // Had the wait blocked the event loop, this timer would never end it.
      await new Promise((resolve) => setTimeout(resolve, 20));
      blocker.exec('commit');
      expect(await stores.apiKeys.verify(await key)).toBe('alice');
    } finally {
      blocker.close();
      await stores.close();
    }
  });

  describe('when it can not be written', () => {
    const openDialect = (...pragmas: readonly string[]) =>
      new Kysely<{ notes: { text: string } }>({
        dialect: createNodeSqliteDialect({ file: join(folder, 'notes.db'), pragmas, busyTimeoutMs: 1 }),
      });
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'codebay-sqlite-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    test('because another process holds it for too long, the caller is told so and can ask again', async () => {
      const db = openDialect('journal_mode = wal');
      await db.schema.createTable('notes').addColumn('text', 'text').execute();
      const blocker = new DatabaseSync(join(folder, 'notes.db'));
      blocker.exec('begin immediate');
      const write = () => db.transaction().execute((trx) => trx.insertInto('notes').values({ text: 'x' }).execute());
      await expect(write()).rejects.toBeInstanceOf(StoreUnavailableError);
      blocker.close();
      await write();
      expect(await db.selectFrom('notes').selectAll().execute()).toEqual([{ text: 'x' }]);
      await db.destroy();
    });

    test('because the disk is full, the transaction is undone and the next one works', async () => {
      const db = openDialect('max_page_count = 10');
      await db.schema.createTable('notes').addColumn('text', 'text').execute();
      const write = (...texts: readonly string[]) =>
        db.transaction().execute(async (trx) => {
          for (const text of texts) await trx.insertInto('notes').values({ text }).execute();
        });
      await expect(write('first', 'x'.repeat(100_000))).rejects.toBeInstanceOf(StoreUnavailableError);
      await write('second');
      expect(await db.selectFrom('notes').selectAll().execute()).toEqual([{ text: 'second' }]);
      await db.destroy();
    });
  });
});
