import { join } from 'node:path';
import { temporalArguments, temporalIsReady } from '../../cli/up/temporal-server.ts';
import { findTemporalCli } from '../../scripts/setup/temporal-cli.mjs';
import { freePort, ServerMissingError, startServerProcess } from './server-process.ts';

/** A Temporal dev server with its Web UI, as `codebay up` starts it, on free ports; its database stands in `folder`. */
export const startTemporalDev = async (folder: string) => {
  const cli = findTemporalCli();
  if (cli === null) throw new ServerMissingError('the Temporal CLI');
  const ports = { temporal: await freePort(), temporal_ui: await freePort() };
  const server = await startServerProcess({
    command: [cli, ...temporalArguments({ ...ports, api: 0, gateway: 0 }, join(folder, 'temporal.db'))],
    isReady: temporalIsReady,
  });
  return { address: `127.0.0.1:${ports.temporal}`, uiUrl: `http://127.0.0.1:${ports.temporal_ui}`, stop: () => server.end() };
};
