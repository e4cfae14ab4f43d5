import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataPaths } from '../../platform/settings.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { paint, print, remark } from '../terminal.ts';
import { firstApiKey, prepareDataFolder } from '../up/data-folder.ts';
import { takeDataFolder } from '../up/exclusive-data.ts';
import { endLeftovers } from '../up/leftovers.ts';
import { planStation, readSettings, type StationPlan } from '../up/plan.ts';
import { createStation, type Station } from '../up/station.ts';
import { readStationFile } from '../up/station-file.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const announce = (plan: StationPlan, newKey: string | null, startedInMs: number): void => {
  const paths = dataPaths(plan.settings.CODEBAY_DATA);
  const label = (text: string): string => paint('dim', text.padEnd(14));
  print(
    `${paint('green', '●')} Codebay is up ${paint('dim', `(${(startedInMs / 1000).toFixed(1)} s)`)}`,
    `  ${label('API')}${plan.url}  ${paint('dim', `(docs at ${plan.url}/docs)`)}`,
    `  ${label('Temporal UI')}${plan.temporalCli === null ? `(server at ${plan.temporalAddress})` : `http://127.0.0.1:${plan.ports.temporal_ui}`}`,
    `  ${label('Data, logs')}${plan.settings.CODEBAY_DATA}`,
    newKey === null
      ? `  ${label('API key')}in ${paths.apiKey} (found by the CLI by itself)`
      : `  ${label('API key')}${newKey}  ${paint('dim', `shown this once; kept in ${paths.apiKey}`)}`,
    '',
    `  A first task:  npx codebay run --dir . "Explain what this project does"`,
    `  Ctrl-C stops everything; tasks go on at the next start.`,
  );
};

/** Resolves with the first SIGINT or SIGTERM; `hurry` fires at the second. */
const untilAskedToEnd = (hurry: AbortController): Promise<void> =>
  new Promise((resolve) => {
    let asked = 0;
    const ask = (): void => {
      asked += 1;
      if (asked === 1) resolve();
      else hurry.abort();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  });

const shutDown = async (station: Station, hurry: AbortController): Promise<void> => {
  remark('Stopping: runs are checkpointed and go on at the next start. Ctrl-C again to hurry.');
  await station.stop(hurry.signal);
  remark('Everything has stopped.');
};

/** `codebay up`: runs the station until it is asked to end. */
export const up = async (): Promise<number> => {
  const began = Date.now();
  const hurry = new AbortController();
  const asked = untilAskedToEnd(hurry);
  const settings = readSettings(process.env);
  const data = settings.CODEBAY_DATA;
  await prepareDataFolder(data);
  const hold = takeDataFolder(join(data, 'up.lock'));
  const last = readStationFile(dataPaths(data).station);
  if (hold === null) {
    throw new CliError(
      `a station is already running on ${data}${last?.up ? ` (process ${last.up.pid}, ${last.url})` : ''}.`,
      `Use it, stop it (Ctrl-C there${last?.up ? `, or kill ${last.up.pid}` : ''}), or name another folder by CODEBAY_DATA.`,
      EXIT.station,
    );
  }
  try {
    const ended = await endLeftovers(data);
    if (ended.length > 0) remark(`The last station was killed; its ${ended.join(', ')} had been left running and were ended.`);
    const gatewayHost =
      settings.CODEBAY_RUNNER === 'docker' ? await (await import('../up/gateway-host.ts')).dockerGatewayHost() : undefined;
    const plan = await planStation(process.env, settings, last, gatewayHost);
    const newKey = await firstApiKey(settings);
    const station = createStation({ plan, env: process.env, root, say: (line) => remark(paint('yellow', line, process.stderr)) });
    try {
      if ((await Promise.race([station.start().then(() => 'ready'), asked])) === 'ready') {
        announce(plan, newKey, Date.now() - began);
        await asked;
      }
    } finally {
      await shutDown(station, hurry);
    }
    return EXIT.done;
  } finally {
    hold.release();
  }
};
