import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import protobuf from '@temporalio/proto';
import { taskIdOfRun } from '../../tasks/ids.ts';
import { testServers } from '../servers/test-servers.ts';
import { type Places, placesOf, processTexts } from '../support/canary-search.ts';
import { openTaskBench } from '../support/e2e-task.ts';
import { rawPlaces } from '../support/raw-places.ts';
import type { ModelScript } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

const { History } = protobuf.temporal.api.history.v1;
const PROJECT = join(import.meta.dirname, '../support/hostile-setup');
const canary = (): string => `canary${randomBytes(18).toString('hex')}`;

/** A workflow's whole history with its payloads in clear. */
const historyOf = async (address: string, id: string): Promise<string> => {
  const connection = await Connection.connect({ address });
  try {
    const history = await new Client({ connection }).workflow.getHandle(id).fetchHistory();
    const text = JSON.stringify(History.toObject(History.fromObject(history), { bytes: String }));
    return text.replace(/"data":"([\w+/=]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString('latin1'));
  } finally {
    await connection.close();
  }
};

test('each credential stands where it belongs and nowhere else', async () => {
  await using stack = new AsyncDisposableStack();
  const files = await mkdtemp(join(tmpdir(), 'codebay-e2e-'));
  stack.defer(() => rm(files, { recursive: true, force: true }));
  const [modelKey, setupSecret, prompt, printed] = [canary(), canary(), canary(), canary()] as const;
  const secretsFile = join(files, 'secrets.json');
  await writeFile(secretsFile, JSON.stringify({ SETUP_TOKEN: setupSecret }), { mode: 0o600 });
  const project = join(files, 'project');
  await cp(PROJECT, project, { recursive: true });
  await writeFile(join(project, 'targets.json'), JSON.stringify({ destinations: [], names: ['SETUP_TOKEN'] }));

  const during = { run: '', identity: '', files: {} as Places, processes: {} as Places };
  const script: ModelScript = async ({ body }) => {
    if (body.messages.some(({ role }) => role === 'tool')) return { text: 'Done.' };
    const runs = join(bench.dataDir, 'runs');
    during.run = (await readdir(runs))[0] ?? '';
    during.identity = await readFile(join(runs, during.run, 'identity'), 'utf8');
    // So that a cache holds the task now.
    await bench.client.get(taskIdOfRun(during.run));
    during.files = await rawPlaces(bench.dataDir);
    during.processes = processTexts();
    return { calls: [{ name: 'shell', arguments: { command: `echo ${printed}` } }] };
  };
  const env = { OPENAI_API_KEY: modelKey, CODEBAY_SETUP_SECRETS_FILE: secretsFile };
  const bench = stack.use(await openTaskBench(script, { env, project }));
  const { station, dataDir } = bench;
  const servers = testServers();
  const { id } = await bench.submit({ prompt });
  expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED' });
  const stationSecret = (await readFile(join(dataDir, 'secret'), 'utf8')).trim();

  const before = station.pids().api;
  station.kill('api');
  await until('the API is back', async () => station.pids().api !== before && (await fetch(`${station.url}/readyz`).catch(() => null))?.ok);

  const read = async (path: string): Promise<string> =>
    (await fetch(`${station.url}${path}`, { headers: { authorization: `Bearer ${station.apiKey}` } })).text();
  const { artifacts } = await bench.client.get(id);
  const task = `/v1/tasks/${id}`;
  const paths = [
    '/v1/tasks',
    task,
    `${task}/events`,
    `${task}/logs`,
    `${task}/artifacts`,
    `${task}/diff`,
    '/metrics',
    '/openapi.json',
    '/readyz',
  ];
  const responses: Record<string, string> = {};
  for (const path of [...paths, ...artifacts.map(({ name }) => `${task}/artifacts/${name}?proxy=1`)]) responses[path] = await read(path);
  const commands: Record<string, string> = {};
  for (const args of [['list'], ['show', id], ['logs', id], ['show', id, '--json']]) {
    const { stdout, stderr } = await station.cli(...args);
    commands[args.join(' ')] = stdout + stderr;
  }
  const history = { history: await historyOf(station.temporalAddress, id) };
  const after = await rawPlaces(dataDir);
  const everything = {
    during: during.files,
    processes: during.processes,
    after,
    responses,
    commands,
    history,
    up: { output: station.output() },
  };
  const found = (secret: string): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(everything).flatMap(([kind, places]) => {
        const where = placesOf(secret, places);
        return where.length === 0 ? [] : [[kind, where]];
      }),
    );

  // The same search finds what is no secret, in each kind of place.
  const visible = found(prompt);
  const stored = [...(visible.during ?? []), ...(visible.after ?? [])];
  expect(visible.during).toContain(`runs/${during.run}/task/task.json`);
  for (const kept of servers === null
    ? ['store.db', 'temporal.db', `objects/logs/${id}/prompt.txt`]
    : ['temporal.db', 'mariadb/', 'cos/', 'redis/']) {
    expect(stored).toContainEqual(expect.stringMatching(new RegExp(`^${kept}`)));
  }
  if (servers !== null) expect(found(id).after).toContainEqual(expect.stringMatching(/^kafka\//));
  expect(visible.responses).toContain(task);
  expect(visible.commands).toContain(`show ${id} --json`);
  expect(visible.history).toEqual(['history']);
  expect(found(printed)).toMatchObject({
    after: expect.arrayContaining([servers === null ? `objects/logs/${id}/agent.log` : expect.stringMatching(/^cos\//)]),
    responses: expect.arrayContaining([`${task}/events`, `${task}/logs`]),
    commands: [`logs ${id}`],
  });
  expect(found(dataDir)).toMatchObject({
    processes: expect.arrayContaining(['sidecar/main.ts command', 'temporal/worker.ts environment']),
    up: ['output'],
  });

  expect(found(modelKey)).toEqual({ processes: ['api/server.ts environment', 'cli/main.ts environment'] });
  expect(found(during.identity)).toEqual({ during: [`runs/${during.run}/identity`] });
  expect(found(stationSecret)).toEqual({ during: ['secret'], after: ['secret'] });
  expect(found(setupSecret)).toEqual({});
  // Stores' credentials are known to those who use them.
  if (servers !== null) {
    const users = ['api/server.ts environment', 'cli/main.ts environment', 'temporal/worker.ts environment'];
    for (const url of [servers.mysqlUrl, servers.redisUrl]) expect(found(new URL(url).password)).toEqual({ processes: users });
    const cosKey = servers.cosSettings.CODEBAY_COS_SECRET_KEY ?? '';
    expect(found(cosKey)).toEqual({ processes: [...users, 'cos/main.ts environment'].sort() });
  }
  // The first key is shown at the first start, once.
  expect(found(station.apiKey)).toEqual({ during: ['api-key'], after: ['api-key'], up: ['output'] });
}, 120_000);
