import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { dataPaths } from '../../platform/settings.ts';
import { testServers } from '../servers/test-servers.ts';

const TEMPORARY = /^(tmp_zips|processed_code|runs|turns)\//;
const metaSchema = z.object({ key: z.string() });

const filesIn = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
};

/** The keys of a COS-protocol server's objects, from its files. */
export const cosKeys = async (folder: string): Promise<string[]> => {
  const metas = (await filesIn(folder)).filter((name) => /\/meta\/[^/]+\.json$/.test(`/${name}`));
  // One that is gone by the time it is read was an object a moment ago.
  const texts = await Promise.all(metas.map((name) => readFile(join(folder, name), 'utf8').catch(() => null)));
  return texts.flatMap((text) => (text === null ? [] : [metaSchema.parse(JSON.parse(text)).key]));
};

/** The keys of objects that only living tasks need. */
export const temporaryOf = (keys: readonly string[]): string[] => keys.filter((key) => TEMPORARY.test(key));

/** The keys of all objects of a test's station, whichever profile it has. */
export const storedKeys = async (dataDir: string): Promise<string[]> => {
  const servers = testServers();
  return servers === null ? filesIn(dataPaths(dataDir).objects) : cosKeys(servers.folders.cos);
};
