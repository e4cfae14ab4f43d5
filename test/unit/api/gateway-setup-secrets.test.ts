import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createSetupSecrets } from '../../../api/gateway/run/setup-secrets.ts';

const ALICE = { owner: 'alice', repository: 'github.com/acme/app' };

describe('createSetupSecrets', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('reads the file anew each time, and nothing without one', async () => {
    const file = join(folder, 'secrets.json');
    const read = createSetupSecrets(file);
    await writeFile(file, '{"NPM_TOKEN":"one"}');
    expect(await read(ALICE)).toEqual({ NPM_TOKEN: 'one' });
    await writeFile(file, '{"NPM_TOKEN":"two"}');
    expect(await read(ALICE)).toEqual({ NPM_TOKEN: 'two' });
    expect(await createSetupSecrets(undefined)(ALICE)).toEqual({});
  });

  test.each([
    [ALICE, { ALL: 'all', OWNED: 'of alice', TOKEN: 'of app', GROUP: 'of acme' }],
    [
      { owner: 'alice', repository: 'github.com/acme/other' },
      { ALL: 'all', OWNED: 'of alice', TOKEN: 'of the rest', GROUP: 'of acme' },
    ],
    [
      { owner: 'alice', repository: 'github.com/acme-evil/app' },
      { ALL: 'all', OWNED: 'of alice', TOKEN: 'of the rest' },
    ],
    [{ owner: 'bob', repository: 'github.com/acme/app' }, { ALL: 'all' }],
    [{ owner: 'bob', repository: null }, { ALL: 'all' }],
  ])('gives %j what is in its scope, and nothing else', async (scope, expected) => {
    const file = join(folder, 'secrets.json');
    const content = {
      ALL: 'all',
      OWNED: { value: 'of alice', owners: ['alice', 'carol'] },
      TOKEN: [
        { value: 'of app', owners: ['alice'], repositories: ['github.com/acme/app'] },
        { value: 'of the rest', owners: ['alice'] },
      ],
      GROUP: { value: 'of acme', owners: ['alice'], repositories: ['gitlab.com/x/y', 'github.com/acme/*'] },
    };
    await writeFile(file, JSON.stringify(content));
    expect(await createSetupSecrets(file)(scope)).toEqual(expected);
  });

  test.each([
    'canary',
    '{"A": canary}',
    '["canary"]',
    '{"A B": "canary"}',
    '{"A": {"B": "canary"}}',
    '{"A": {"value": "canary", "owner": "x"}}',
    '{"A": {"value": "canary", "owners": []}}',
  ])('refuses %s without quoting it', async (content) => {
    const file = join(folder, 'secrets.json');
    await writeFile(file, content);
    const error: unknown = await createSetupSecrets(file)(ALICE).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SETUP_SECRETS_UNREADABLE' });
    expect(inspect(error)).not.toContain('canary');
  });
});
