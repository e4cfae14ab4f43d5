import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { temporalArguments } from '../../cli/up/temporal-server.ts';
import { findTemporalCli } from '../../scripts/setup/temporal-cli.mjs';
import { freePort, LOOPBACK, ServerMissingError, type ServerProcess, startServerProcess } from './server-process.ts';

export interface TemporalServer {
  /** `host:port`. */
  readonly address: string;
  readonly uiUrl: string;
  /** `kill -9`; the file stays. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports and file. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const answers = async (address: string): Promise<boolean> => {
  try {
    const connection = await Connection.connect({ address, connectTimeout: 1000 });
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    await connection.close();
    return true;
  } catch {
    return false;
  }
};

/** A Temporal server as `codebay up` starts it, on free ports and a fresh file, which `stop` removes. */
export const startTemporalServer = async (): Promise<TemporalServer> => {
  const cli = findTemporalCli();
  if (cli === null) throw new ServerMissingError('temporal');
  const folder = await mkdtemp(join(tmpdir(), 'codebay-temporal-'));
  const ports = { temporal: await freePort(), temporal_ui: await freePort(), api: 0, gateway: 0 };
  const address = `${LOOPBACK}:${ports.temporal}`;
  let running: ServerProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServerProcess({
      command: [cli, ...temporalArguments(ports, join(folder, 'temporal.db'))],
      isReady: () => answers(address),
    });
  };
  await start();
  return {
    address,
    uiUrl: `http://${LOOPBACK}:${ports.temporal_ui}`,
    kill: async () => running?.end('SIGKILL'),
    start,
    stop: async () => {
      await running?.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
