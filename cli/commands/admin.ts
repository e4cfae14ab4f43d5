import { existsSync } from 'node:fs';
import { dataPaths } from '../../platform/settings.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { print, remark } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';

/** `codebay admin keys create`: a key for one more owner, printed once. Works beside a running station. */
export const createKey = async (owner: string): Promise<number> => {
  const { store } = dataPaths(readSettings(process.env).CODEBAY_DATA);
  if (!existsSync(store)) throw new CliError('there is no station here yet.', 'Run `codebay up` first, or set CODEBAY_DATA.');
  const stores = await openSqliteStore(store);
  try {
    print(await stores.apiKeys.create(owner));
    remark(`This key of ${owner} can't be shown again.`);
    return EXIT.done;
  } finally {
    await stores.close();
  }
};
