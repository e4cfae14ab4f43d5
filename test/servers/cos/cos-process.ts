import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, LOOPBACK, type ServerOptions, type ServerProcess, startServerProcess } from '../server-process.ts';

export const COS_TEST = {
  secretId: 'AKIDcodebayTestsOnly0000000000000000',
  secretKey: 'canaryOfTheCosTests0000000000000',
  region: 'ap-guangzhou',
  codeBucket: 'codebay-code-1250000000',
  logsBucket: 'codebay-logs-1250000000',
} as const;

export interface CosProcess {
  readonly endpoint: string;
  readonly folder: string;
  /** The settings that lead Codebay to it. */
  readonly settings: Readonly<Record<string, string>>;
  /** `kill -9`; the objects stay. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and objects. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The settings of a process that uses the server at `endpoint` with the keys of `COS_TEST`. */
export const cosSettings = (endpoint: string): Record<string, string> => ({
  CODEBAY_OBJECTS: 'cos',
  CODEBAY_COS_SECRET_ID: COS_TEST.secretId,
  CODEBAY_COS_SECRET_KEY: COS_TEST.secretKey,
  CODEBAY_COS_REGION: COS_TEST.region,
  CODEBAY_COS_CODE_BUCKET: COS_TEST.codeBucket,
  CODEBAY_COS_LOGS_BUCKET: COS_TEST.logsBucket,
  CODEBAY_COS_ENDPOINT: endpoint,
});

const answers = (endpoint: string): Promise<boolean> =>
  fetch(endpoint).then(
    () => true,
    () => false,
  );

/** A COS-protocol server in a process of its own, on a free port and fresh files, which `stop` removes. */
export const startCosProcess = async ({ address = LOOPBACK }: ServerOptions = {}): Promise<CosProcess> => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-cos-'));
  const port = await freePort(address);
  const endpoint = `http://${address}:${port}`;
  const { secretId, secretKey, region, codeBucket, logsBucket } = COS_TEST;
  const options = JSON.stringify({ folder, buckets: [codeBucket, logsBucket], region, port, address });
  let running: ServerProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServerProcess({
      command: [process.execPath, join(import.meta.dirname, 'main.ts'), options],
      env: { COS_SECRET_ID: secretId, COS_SECRET_KEY: secretKey },
      isReady: () => answers(endpoint),
    });
  };
  await start();
  return {
    endpoint,
    folder,
    settings: cosSettings(endpoint),
    kill: async () => running?.end('SIGKILL'),
    start,
    stop: async () => {
      await running?.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
