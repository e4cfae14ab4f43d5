import { spawn } from 'node:child_process';
import { existsSync, statSync, truncateSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { endLeftovers } from '../../cli/up/leftovers.ts';
import { PROCESS_NAMES } from '../../cli/up/station-file.ts';
import { findStationProcesses } from '../../cli/up/station-processes.ts';
import { startStation, type TestStation, temporaryDataDir } from '../support/station.ts';
import { until } from '../support/until.ts';

const LARGE_LOG_BYTES = 11 * 1024 * 1024;
const alive = (data: string): readonly number[] => PROCESS_NAMES.flatMap((name) => findStationProcesses(data, name)).map(({ pid }) => pid);
const isReady = (station: TestStation) =>
  fetch(`${station.url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

test('a station: one a folder, mended when a part dies, found again when it was killed, ended by SIGTERM', async () => {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await temporaryDataDir()).path;
  await mkdir(join(data, 'logs'), { recursive: true });
  await writeFile(join(data, 'logs/api.log'), 'old');
  truncateSync(join(data, 'logs/api.log'), LARGE_LOG_BYTES);
  stack.defer(async () => {
    await endLeftovers(data);
  });

  const first = await startStation({ dataDir: data });
  expect(alive(data)).toHaveLength(3);
  expect(statSync(join(data, 'logs/api.log.1')).size).toBe(LARGE_LOG_BYTES);
  expect(statSync(join(data, 'logs/api.log')).size).toBeLessThan(LARGE_LOG_BYTES);

  const second = await first.cli('up');
  expect(second).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining(`a station is already running on ${data} (process ${first.pid}`),
  });
  expect(alive(data)).toHaveLength(3);

  const api = first.pids().api;
  first.kill('api');
  await until('the API is started again', async () => first.pids().api !== api && (await isReady(first)));
  expect(first.output()).toContain('api ended by itself (SIGKILL); starting it again in 1 s');

  // A death between starting a process and writing it down: nothing is recorded.
  process.kill(first.pid, 'SIGKILL');
  await rm(join(data, 'station.json'));
  const left = alive(data);
  expect(left).toHaveLength(3);

  const next = await startStation({ dataDir: data });
  expect(next.output()).toContain('its worker, api, temporal had been left running and were ended');
  expect(alive(data).filter((pid) => left.includes(pid))).toEqual([]);
  expect(alive(data)).toHaveLength(3);

  process.kill(next.pid, 'SIGTERM');
  await until('everything has stopped', () => alive(data).length === 0 && next.output().includes('Everything has stopped.'));
}, 90_000);

test('a data folder that is deleted under a running station does not keep it from ending', async () => {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await temporaryDataDir()).path;
  stack.defer(async () => {
    await endLeftovers(data);
  });
  const station = await startStation({ dataDir: data });
  await rm(data, { recursive: true, force: true });
  for (const { pid } of findStationProcesses(data, 'api')) process.kill(pid, 'SIGKILL');
  await until('up says that the API is gone for good', () => station.output().includes("api can't be started"));
  const child = await execa('kill', ['-INT', String(station.pid)]);
  expect(child.exitCode).toBe(0);
  await until('everything has stopped', () => alive(data).length === 0 && station.output().includes('Everything has stopped.'));
  expect(existsSync(data)).toBe(false);
}, 60_000);

test('a port that is demanded and taken: one sentence, and nothing is started', async () => {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await temporaryDataDir()).path;
  const server = createServer().listen(0, '127.0.0.1');
  stack.defer(() => void server.close());
  await until('the port is taken', () => server.listening);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const up = spawn(process.execPath, [join(import.meta.dirname, '../../cli/main.ts'), 'up'], {
    env: { ...process.env, CODEBAY_DATA: data, CODEBAY_PORT: String(port), NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  up.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const exitCode = await new Promise((resolve) => up.once('close', resolve));
  expect({ exitCode, said }).toEqual({
    exitCode: 1,
    said: `codebay: port ${port} (CODEBAY_PORT) is taken. End what listens there, or unset CODEBAY_PORT to get a free one.\n`,
  });
  expect(alive(data)).toEqual([]);
});
