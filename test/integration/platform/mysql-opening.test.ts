import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { mysqlMigration } from '../../../platform/mysql/migration.ts';
import { openMysqlStore } from '../../../platform/mysql.ts';
import { openStores } from '../../../platform/open-stores.ts';
import { loadSettings, SettingsError } from '../../../platform/settings.ts';
import { StoreTooNewError } from '../../../platform/store/migrate.ts';
import { MIGRATIONS } from '../../../platform/store/migrations.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PASSWORD = 'pass-canary-91';

let server: Mariadb;
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.stop());

const settingsOf = (url?: string) => loadSettings({ CODEBAY_STORE: 'mysql', ...(url === undefined ? {} : { CODEBAY_MYSQL_URL: url }) });

/** What the tables are, told by the server; the order of tables and indexes says nothing. */
const schemaOf = async (url: string): Promise<readonly object[]> => {
  const connection = await createConnection(url);
  const [columns] = await connection.query<RowDataPacket[]>(
    `select table_name, column_name, column_type, is_nullable, collation_name from information_schema.columns
     where table_schema = database() order by table_name, ordinal_position`,
  );
  const [indexes] = await connection.query<RowDataPacket[]>(
    `select table_name, index_name, column_name, seq_in_index, non_unique from information_schema.statistics
     where table_schema = database() order by table_name, index_name, seq_in_index`,
  );
  const [counters] = await connection.query<RowDataPacket[]>('select count(*) as counters from change_counters');
  const [locks] = await connection.query<RowDataPacket[]>('select name from locks');
  await connection.end();
  return [...columns, ...indexes, ...counters, ...locks];
};

const migrated = async (): Promise<string> => {
  const url = await server.freshDatabase();
  await (await openMysqlStore(url, { connections: 1 })).close();
  return url;
};

test('a crash between any change of a table and the note of it is made good by the next start', async () => {
  const url = await server.freshDatabase();
  const connection = await createConnection(url);
  const { statement } = mysqlMigration('');
  await connection.query(statement('create table schema_version (version int not null primary key)'));
  // What changes rows is undone by a crash, as its note is.
  const changesTables = (step: string) => !step.startsWith('insert');
  for (const step of MIGRATIONS.filter(changesTables)) await connection.query(statement(step));
  await connection.end();
  await (await openMysqlStore(url, { connections: 1 })).close();
  expect(await schemaOf(url)).toEqual(await schemaOf(await migrated()));
});

test('text is compared by its bytes, whatever the default of the database', async () => {
  const url = await server.freshDatabase();
  const connection = await createConnection(url);
  await connection.query('alter database character set latin1');
  await connection.end();
  const stores = await openMysqlStore(url, { connections: 1 });
  const spec = { source: { type: 'git', url: 'https://example.org/a/b' }, prompt: '守る 🛠', mode: 'modify' } as const;
  await stores.tasks.insert({ id: 't1', owner: 'alice', spec });
  expect((await stores.tasks.get('t1'))?.spec.prompt).toBe(spec.prompt);
  expect((await stores.tasks.list({ owner: 'Alice', limit: 1 })).tasks).toEqual([]);
  await stores.close();
});

test('a database of a newer version is refused', async () => {
  const url = await migrated();
  const connection = await createConnection(url);
  await connection.query('insert into schema_version (version) values (9999)');
  await connection.end();
  await expect(openMysqlStore(url, { connections: 1 })).rejects.toBeInstanceOf(StoreTooNewError);
});

describe('what is wrong is said in a sentence that gives nothing away', () => {
  const tries = async (url: string | undefined): Promise<Error> => {
    const error = await openStores(settingsOf(url)).catch((reason: unknown) => reason);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(PASSWORD);
    return error as Error;
  };
  const withUser = (url: string, user: string) => url.replace('//root@', `//${user}@`);

  test('no URL', async () => {
    const error = await tries(undefined);
    expect(error).toBeInstanceOf(SettingsError);
    expect(error.message).toContain('CODEBAY_MYSQL_URL');
  });

  test('no database in it, or more in it than belongs there', async () => {
    for (const rest of ['', 'x?multipleStatements=true', 'x?password=other']) {
      const error = await tries(`mysql://root:${PASSWORD}@127.0.0.1:1/${rest}`);
      expect(error).toBeInstanceOf(SettingsError);
      expect(error.message).toContain('CODEBAY_MYSQL_URL');
    }
  });

  test('a wrong password', async () => {
    const url = await server.freshDatabase();
    const connection = await createConnection(url);
    await connection.query("create user if not exists visitor@'%' identified by 'another'");
    await connection.end();
    const error = await tries(withUser(url, `visitor:${PASSWORD}`));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toBe('MySQL refuses the user, the password or the database of CODEBAY_MYSQL_URL (ER_ACCESS_DENIED_ERROR)');
  });

  test('a database that is not there', async () => {
    const error = await tries(`${server.url}nowhere`);
    expect(error.message).toContain('ER_BAD_DB_ERROR');
  });

  test('a server that is not there', async () => {
    const error = await tries(`mysql://root:${PASSWORD}@127.0.0.1:1/codebay`);
    expect(error.message).toBe("MySQL can't be reached (ECONNREFUSED)");
  });
});

describe('codebay admin', () => {
  const codebay = (url: string, ...args: readonly string[]) =>
    promisify(execFile)(process.execPath, [join(ROOT, 'cli/main.ts'), 'admin', ...args], {
      env: { PATH: process.env.PATH, CODEBAY_STORE: 'mysql', CODEBAY_MYSQL_URL: url },
    });

  test('migrates, says from which schema to which, and makes keys', async () => {
    const url = await server.freshDatabase();
    expect((await codebay(url, 'migrate')).stdout).toBe(`The store went from schema 0 to ${MIGRATIONS.length}.\n`);
    expect((await codebay(url, 'migrate')).stdout).toBe(`The store is up to date (schema ${MIGRATIONS.length}).\n`);
    const { stdout: key } = await codebay(url, 'keys', 'create', '--owner', 'alice');
    const stores = await openMysqlStore(url, { connections: 1 });
    expect(await stores.apiKeys.verify(key.trim())).toBe('alice');
    await stores.close();
  });

  test('says what is wrong without the password', async () => {
    const refused = await codebay(`mysql://root:${PASSWORD}@127.0.0.1:1/codebay`, 'migrate').catch((error) => error);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("MySQL can't be reached (ECONNREFUSED).") });
    expect(refused.stderr).not.toContain(PASSWORD);
  });
});
