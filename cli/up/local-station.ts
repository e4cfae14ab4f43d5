import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dataPaths } from '../../platform/settings.ts';
import { readStationFile, type StationFile } from './station-file.ts';

export interface LocalStation {
  readonly data: string;
  /** What the station left there; null where none was ever started. */
  readonly station: StationFile | null;
  /** The first API key; null where none was made. */
  readonly apiKey: string | null;
}

/** What the data folder (CODEBAY_DATA, else `./.codebay`) knows of its station. Reads no other setting, so that a client needs none. */
export const readLocalStation = (env: Readonly<Record<string, string | undefined>>): LocalStation => {
  const data = resolve(env.CODEBAY_DATA || '.codebay');
  const paths = dataPaths(data);
  const apiKey = existsSync(paths.apiKey) ? readFileSync(paths.apiKey, 'utf8').trim() : null;
  return { data, station: readStationFile(paths.station), apiKey };
};
