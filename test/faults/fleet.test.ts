import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { startGitServer } from '../../demo/git-server.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { cachedTaskKey, decodeCachedTask } from '../../platform/redis/status-cache.ts';
import { loadSettings } from '../../platform/settings.ts';
import { createClient } from '../../sdk/index.ts';
import { taskIdOfMessage } from '../../tasks/task-message.ts';
import { taskResultSchema } from '../../tasks/task-result.ts';
import { taskVersion } from '../../tasks/task-version.ts';
import { type Production, startProduction } from '../servers/production.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { cosKeys, temporaryOf } from '../support/stored-objects.ts';
import { until } from '../support/until.ts';
import { type Target, wreakHavoc } from './chaos.ts';
import { createCountingModel, diedWith } from './counting-model.ts';
import { query, readTopic } from './look.ts';
import { persist } from './persist.ts';
import { createSeeded } from './seeded.ts';
import { createMessenger, submitByHttp } from './submitters.ts';

const TASKS = Number(process.env.CODEBAY_FAULTS_TASKS ?? 300);
const SEED = Number(process.env.CODEBAY_FAULTS_SEED ?? 20_261_124);
const IN_FLIGHT = 50;
const FOLLOWED = 20;
const MINUTES = 60_000;
const SUBMIT_EVERY_MS = 120;

const { CODEBAY_REDIS_PREFIX } = loadSettings({});

const numbers = Array.from({ length: TASKS }, (_, index) => index + 1);
const isByMessage = (task: number): boolean => task % 2 === 0;

/** One of each kind is killed, the others of its kind go on. */
const targetsOf = ({ servers, apis, workers, ingests }: Production): readonly Target[] => {
  const { mariadb, redis, kafka, temporal } = servers;
  const ofServers = Object.entries({ mariadb, redis, kafka, temporal }).map(([name, { kill, start }]) => ({ name, kill, start }));
  return [...ofServers, ...[apis, workers, ingests].flatMap((replicas) => replicas.slice(0, 1))];
};

test(
  `${TASKS} tasks by HTTP and Kafka all end, each exactly once, while everything is killed and started again (seed ${SEED})`,
  async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'codebay-faults-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    await makeRepository(join(import.meta.dirname, '../../demo/project'), folder, 'project');
    const git = await startGitServer({ root: folder });
    stack.defer(() => git.close());
    const url = `${git.url}/project.git`;
    const { asked, script } = createCountingModel();
    const model = await startScriptedModel(script);
    stack.defer(() => model.close());
    const fleet = stack.use(
      await startProduction(folder, {
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: 'fault-test',
        CODEBAY_MODELS: 'scripted',
        CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host,
        CODEBAY_MAX_RUNS: '4',
        CODEBAY_OWNER_SUBMISSIONS_PER_MINUTE: '0',
      }),
    );
    const { mysqlUrl, kafka, temporal, redis, cos, topics } = fleet.servers;
    const client = createClient({ url: fleet.url, apiKey: fleet.apiKey });
    const messenger = await createMessenger(kafka.client, topics.tasks);
    stack.defer(() => messenger.close());

    const countOf = async (where: string): Promise<number> =>
      Number((await query<{ n: number }>(mysqlUrl, `select count(*) as n from tasks where ${where}`))[0]?.n);
    const inFlight = () => countOf("status in ('QUEUED', 'PROCESSING')");

    const ids = new Map<number, string>();
    const followers: Promise<readonly number[]>[] = [];
    const follow = async (id: string): Promise<readonly number[]> => {
      const seen: number[] = [];
      for await (const { seq } of client.events(id)) seen.push(seq);
      return seen;
    };
    const submitting = (async () => {
      await Promise.all(
        numbers.map(async (task, index) => {
          await pause(index * SUBMIT_EVERY_MS);
          if (isByMessage(task)) {
            await messenger.send(url, task);
            ids.set(task, taskIdOfMessage('default', `message-${task}`));
            return;
          }
          const id = await submitByHttp(client, url, task);
          ids.set(task, id);
          if (followers.length < FOLLOWED) followers.push(follow(id));
        }),
      );
    })();
    submitting.catch(() => undefined);

    await until(`${IN_FLIGHT} tasks are in flight`, async () => (await inFlight()) > IN_FLIGHT, 2 * MINUTES);
    const kills = await wreakHavoc({ random: createSeeded(SEED), targets: targetsOf(fleet), inFlight });
    await submitting;
    await until(
      'every task has ended',
      async () => (await countOf("status in ('COMPLETED', 'FAILED', 'CANCELLED')")) >= TASKS,
      15 * MINUTES,
    );

    // The kills met a busy fleet, and each kind was hit.
    expect(new Set(kills.map(({ name }) => name)).size).toBe(7);
    expect(kills.filter((kill) => kill.inFlight < IN_FLIGHT)).toEqual([]);

    // MySQL: every task once, none failed.
    const rows = await query<{ id: string; status: string; revision: number }>(mysqlUrl, 'select id, status, revision from tasks');
    expect(rows.filter(({ status }) => status !== 'COMPLETED')).toEqual([]);
    expect(rows.map(({ id }) => id).sort()).toEqual([...ids.values()].sort());

    // The model: every turn of every task, none asked again once it was answered; only a gateway that dies takes a turn with it.
    const apiKills = kills.filter(({ name }) => name.startsWith('api'));
    const askedAgain = asked.filter((again, index) => {
      const before = asked.slice(0, index).filter(({ task, turn }) => task === again.task && turn === again.turn);
      return !before.every((turn) => apiKills.some((kill) => diedWith(turn, kill)));
    });
    expect(askedAgain).toEqual([]);
    expect(new Set(asked.map(({ task, turn }) => `${task}.${turn}`)).size).toBe(2 * TASKS);
    const kept = await query<{ n: number }>(mysqlUrl, 'select count(*) as n from ledger where journaled = 1 group by task_id, turn');
    expect(kept).toHaveLength(2 * TASKS);
    expect(kept.filter(({ n }) => Number(n) !== 1)).toEqual([]);

    // Temporal agrees: one closed workflow a task.
    const connection = await Connection.connect({ address: temporal.address });
    stack.defer(() => connection.close());
    const { workflow } = new Client({ connection });
    const states = await Promise.all(rows.map(async ({ id }) => (await workflow.getHandle(id).describe()).status.name));
    expect(states.filter((state) => state !== 'COMPLETED')).toEqual([]);
    await until('Temporal has counted', async () => (await workflow.count("WorkflowType = 'codeTask'")).count === TASKS);

    // What the API shows is what the row says, and so does what Redis then holds.
    for (const { id, revision } of rows) {
      const cached = await until(`Redis holds ${id}`, async () => {
        expect((await persist(() => client.get(id))).status).toBe('COMPLETED');
        return decodeCachedTask((await redis.admin.get(`${CODEBAY_REDIS_PREFIX}${cachedTaskKey(id)}`)) ?? '');
      });
      expect(cached.version).toBe(taskVersion({ revision, status: 'COMPLETED', cancel_requested: false }));
      expect(JSON.parse(cached.json)).toMatchObject({ id, status: 'COMPLETED' });
    }

    // Kafka: one event id a task, however often it was sent; nothing was dead.
    const results = await until('every result is published', async () => {
      const all = (await readTopic(kafka, topics.results)).map((value) => taskResultSchema.parse(value));
      return new Set(all.map(({ task_id }) => task_id)).size === TASKS ? all : null;
    });
    expect(new Set(results.map(({ event_id }) => event_id)).size).toBe(TASKS);
    expect(results.filter(({ status }) => status !== 'COMPLETED')).toEqual([]);
    expect(await readTopic(kafka, topics.dlq)).toEqual([]);

    // Who followed a task through nginx saw every event number once.
    for (const seen of await Promise.all(followers)) expect(seen).toEqual(seen.map((_, index) => index + 1));
    expect(followers).toHaveLength(FOLLOWED);

    // Nothing is left.
    await until('no run is left', async () => (await readdir(join(fleet.dataDir, 'runs'))).length === 0);
    await until('no temporary object is left', async () => temporaryOf(await cosKeys(cos.folder)).length === 0);
  },
  30 * MINUTES,
);
