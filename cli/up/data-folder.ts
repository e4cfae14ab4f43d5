import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { openStores } from '../../platform/open-stores.ts';
import { writeOnce } from '../../platform/sandbox/atomic-file.ts';
import { dataPaths, type Settings } from '../../platform/settings.ts';
import { reachStore } from './reach-store.ts';

/** Makes the data folder and the station's secret where they are missing. */
export const prepareDataFolder = async (data: string): Promise<void> => {
  const paths = dataPaths(data);
  await mkdir(data, { recursive: true, mode: 0o700 });
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
  await writeOnce(paths.secret, randomBytes(32).toString('hex'));
};

/** Makes an API key where this data folder has none and keeps it for this user's CLI; returns it only when it is new. */
export const firstApiKey = async (settings: Settings): Promise<string | null> => {
  const paths = dataPaths(settings.CODEBAY_DATA);
  if (existsSync(paths.apiKey)) return null;
  const stores = await reachStore(() => openStores(settings));
  try {
    const key = await stores.apiKeys.create('default');
    await writeOnce(paths.apiKey, `${key}\n`);
    return key;
  } finally {
    await stores.close();
  }
};
