import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createSetupSecrets } from '../../../api/gateway/run/setup-secrets.ts';

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
    expect(await read()).toEqual({ NPM_TOKEN: 'one' });
    await writeFile(file, '{"NPM_TOKEN":"two"}');
    expect(await read()).toEqual({ NPM_TOKEN: 'two' });
    expect(await createSetupSecrets(undefined)()).toEqual({});
  });

  test.each(['canary', '{"A": canary}', '["canary"]', '{"A B": "canary"}', '{"A": {"B": "canary"}}'])(
    'refuses %s without quoting it',
    async (content) => {
      const file = join(folder, 'secrets.json');
      await writeFile(file, content);
      const error: unknown = await createSetupSecrets(file)().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SETUP_SECRETS_UNREADABLE' });
      expect(inspect(error)).not.toContain('canary');
    },
  );
});
