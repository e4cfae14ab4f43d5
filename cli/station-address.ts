import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { dataPaths } from '../platform/settings.ts';
import { type CodebayClient, createClient } from '../sdk/index.ts';
import { CliError, EXIT } from './cli-error.ts';
import { readStationFile } from './up/station-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StationAddress {
  readonly url: string;
  readonly apiKey: string;
  /** Of a local station; null for one that CODEBAY_URL names. */
  readonly temporalUi: string | null;
}

const keyOf = (env: Environment, keyFile: string): string => {
  if (env.CODEBAY_API_KEY) return env.CODEBAY_API_KEY;
  if (existsSync(keyFile)) return readFileSync(keyFile, 'utf8').trim();
  throw new CliError('no API key.', 'Set CODEBAY_API_KEY, or run `codebay up` here first, which makes one.', EXIT.station);
};

/** Where the station is: CODEBAY_URL and CODEBAY_API_KEY, else what `codebay up` left in the data folder (CODEBAY_DATA, `./.codebay`). */
export const findStation = (env: Environment = process.env): StationAddress => {
  const data = resolve(env.CODEBAY_DATA || '.codebay');
  const paths = dataPaths(data);
  if (env.CODEBAY_URL) return { url: env.CODEBAY_URL, apiKey: keyOf(env, paths.apiKey), temporalUi: null };
  const station = readStationFile(paths.station);
  if (station === null) {
    throw new CliError(`no station in ${data}.`, 'Start one with `codebay up`, or name one by CODEBAY_URL or CODEBAY_DATA.', EXIT.station);
  }
  return { url: station.url, apiKey: keyOf(env, paths.apiKey), temporalUi: station.temporal_ui };
};

/** A client of the station that `findStation` finds. */
export const connect = (env: Environment = process.env): CodebayClient => createClient(findStation(env));
