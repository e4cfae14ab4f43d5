import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { writeOnce } from '../../platform/sandbox/atomic-file.ts';
import { dataPaths } from '../../platform/settings.ts';

/** Makes the data folder and the station's secret where they are missing. */
export const prepareDataFolder = async (data: string): Promise<void> => {
  const paths = dataPaths(data);
  await mkdir(data, { recursive: true, mode: 0o700 });
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
  await writeOnce(paths.secret, randomBytes(32).toString('hex'));
};

/** Makes the first API key where there is none and keeps it for this user's CLI; returns it only when it is new. */
export const firstApiKey = async (data: string): Promise<string | null> => {
  const paths = dataPaths(data);
  if (existsSync(paths.apiKey)) return null;
  // The database's code is slow to load, and needed at the very first start only.
  const { openSqliteStore } = await import('../../platform/sqlite.ts');
  const stores = await openSqliteStore(paths.store);
  try {
    const key = await stores.apiKeys.create('default');
    await writeOnce(paths.apiKey, `${key}\n`);
    return key;
  } finally {
    await stores.close();
  }
};
