import { existsSync } from 'node:fs';
import { openStores } from '../../platform/open-stores.ts';
import { dataPaths } from '../../platform/settings.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { print, remark } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';
import { reachStore } from '../up/reach-store.ts';

/** `codebay admin keys create`: a key for one more owner, printed once. Works beside a running station. */
export const createKey = async (owner: string): Promise<number> => {
  const settings = readSettings(process.env);
  if (settings.CODEBAY_STORE === 'sqlite' && !existsSync(dataPaths(settings.CODEBAY_DATA).store))
    throw new CliError('there is no station here yet.', 'Run `codebay up` first, or set CODEBAY_DATA.');
  const stores = await reachStore(() => openStores(settings));
  try {
    print(await stores.apiKeys.create(owner));
    remark(`This key of ${owner} can't be shown again.`);
    return EXIT.done;
  } finally {
    await stores.close();
  }
};
