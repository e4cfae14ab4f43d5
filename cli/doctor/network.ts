import { isAlive } from '../../platform/sandbox/process-identity.ts';
import { dataPaths, type Settings } from '../../platform/settings.ts';
import { CliError } from '../cli-error.ts';
import { planStation } from '../up/plan.ts';
import { readStationFile } from '../up/station-file.ts';
import { broken, type Check, type Finding, ok, warning } from './check.ts';

const PATIENCE_MS = 10_000;

type Environment = Readonly<Record<string, string | undefined>>;

const answers = async (url: string): Promise<number | null> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
};

const station = async (env: Environment, settings: Settings): Promise<Finding> => {
  const last = readStationFile(dataPaths(settings.CODEBAY_DATA).station);
  if (last?.up && isAlive(last.up)) {
    const status = await answers(`${last.url}/readyz`);
    const where = `runs at ${last.url}`;
    return status === 200
      ? ok(where)
      : broken(`${where}, but is not ready (${status ?? 'no answer'})`, `Read the logs in ${dataPaths(settings.CODEBAY_DATA).logs}.`);
  }
  try {
    const { ports } = await planStation(env, settings, last);
    return ok(`not running; ports ${ports.api}, ${ports.gateway}, ${ports.temporal}, ${ports.temporal_ui} are free`);
  } catch (error) {
    if (error instanceof CliError) return broken(error.message, error.remedy);
    throw error;
  }
};

const model = async ({ OPENAI_BASE_URL: base, OPENAI_API_KEY: key }: Settings): Promise<Finding> => {
  const { host } = new URL(base);
  const noKey = key === '' ? ' (no OPENAI_API_KEY is set)' : '';
  let status: number;
  try {
    const response = await fetch(`${base.replace(/\/+$/, '')}/models`, {
      headers: key === '' ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await response.body?.cancel();
    status = response.status;
  } catch {
    return broken(
      `${host} does not answer`,
      'Check OPENAI_BASE_URL and the network; it must be an OpenAI-compatible endpoint ending in /v1.',
    );
  }
  if (status === 401 || status === 403) return broken(`${host} refuses the key${noKey}`, 'Set OPENAI_API_KEY to a key of this endpoint.');
  if (status >= 500 || status === 429)
    return warning(`${host} answers ${status}`, 'Try again later, or use another endpoint by OPENAI_BASE_URL.');
  if (status >= 400)
    return warning(`${host} answers ${status} to GET /models${noKey}`, 'Some endpoints lack that list; else check OPENAI_BASE_URL.');
  return ok(`${host} answers${noKey}`);
};

/** What the station listens on and connects to. */
export const networkChecks = (env: Environment, settings: Settings): readonly Check[] => [
  { name: 'Station', look: () => station(env, settings) },
  { name: 'Model', look: () => model(settings) },
];
