/*
 * `npm run stack`: the production profile on one machine, for people to try. Two replicas of the API behind nginx, two workers, two ingest
 * processes, and the servers they stand on, all on free ports of loopback and with fresh data; Ctrl-C stops them one after the other.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProduction } from './production.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal's Ctrl-C reaches every process of the foreground: the servers stand in a session of their own, so that they end in order. */
const inOwnSession = async (): Promise<void> => {
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', import.meta.filename, 'inside'], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
};

const inside = async (): Promise<void> => {
  const asked = new Promise<void>((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve());
  });
  const say = (line: string) => process.stdout.write(`${line}\n`);
  await using cleanUp = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-stack-'));
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
  const stack = cleanUp.use(await startProduction(folder, process.env, say));
  const { mysqlUrl, redis, kafka, temporal, cos, topics } = stack.servers;
  say(`
● Codebay's production profile is up
  API            ${stack.url}  (docs at ${stack.url}/docs)
  API key        ${stack.apiKey}
  Temporal UI    ${temporal.uiUrl}
  MariaDB        ${mysqlUrl}
  Redis          ${redis.url}
  Kafka          ${kafka.broker}  (tasks in by ${topics.tasks}, results out by ${topics.results})
  COS            ${cos.endpoint}  (a server that speaks its protocol)
  Data, logs     ${folder}  (removed at the end)

  A first task:  CODEBAY_URL=${stack.url} CODEBAY_API_KEY=${stack.apiKey} npx codebay run --dir . "Explain what this project does"
  Ctrl-C stops everything.`);
  await asked;
  say('Stopping: ingest, workers, replicas, nginx, then the servers.');
};

await (process.argv[2] === 'inside' ? inside() : inOwnSession());
