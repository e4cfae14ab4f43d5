import { type CodebayClient, createClient } from '../sdk/index.ts';
import { CliError, EXIT } from './cli-error.ts';
import { readLocalStation } from './up/local-station.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StationAddress {
  readonly url: string;
  readonly apiKey: string;
  /** Of a local station; null for one that CODEBAY_URL names. */
  readonly temporalUi: string | null;
}

/** Where the station is: CODEBAY_URL and CODEBAY_API_KEY, else what `codebay up` left in the data folder (CODEBAY_DATA, `./.codebay`). */
export const findStation = (env: Environment = process.env): StationAddress => {
  const local = readLocalStation(env);
  const url = env.CODEBAY_URL || local.station?.url;
  if (url === undefined) {
    const remedy = 'Start one with `codebay up`, or name one by CODEBAY_URL or CODEBAY_DATA.';
    throw new CliError(`no station in ${local.data}.`, remedy, EXIT.station);
  }
  const apiKey = env.CODEBAY_API_KEY || local.apiKey;
  if (apiKey === null) {
    throw new CliError('no API key.', 'Set CODEBAY_API_KEY, or run `codebay up` here first, which makes one.', EXIT.station);
  }
  return { url, apiKey, temporalUi: env.CODEBAY_URL ? null : (local.station?.temporal_ui ?? null) };
};

/** A client of the station that `findStation` finds. */
export const connect = (env: Environment = process.env): CodebayClient => createClient(findStation(env));
