import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { execa } from 'execa';
import { scriptedAnswers } from '../../demo/scripted-answers.ts';
import { LABELS, stationOf } from '../../platform/docker/names.ts';
import type { TaskRequest } from '../../sdk/index.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import { createModelScripts } from '../cluster/system/model-scripts.ts';
import { type HeldDocker, holdDocker, loadOwnImages } from '../support/docker-engine.ts';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { createHeldTurns } from '../support/held-turns.ts';
import { expectMended, TEST_COMMAND } from '../support/mended.ts';
import { type Answer, lastContent, type ModelScript } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

const FINISHED_MS = 120_000;
const TEST_MS = 180_000;
/** What a cancelled task is promised. */
const GONE_WITHIN_MS = 15_000;

const scripts = createModelScripts();
const scope = new AsyncDisposableStack();
let docker: HeldDocker;
let bench: TaskBench;
let images: Awaited<ReturnType<typeof loadOwnImages>>;

beforeAll(async () => {
  docker = await holdDocker();
  scope.defer(() => docker.release());
  images = await loadOwnImages(docker);
  const env = {
    ...docker.environment,
    CODEBAY_RUNNER: 'docker',
    CODEBAY_SIDECAR_IMAGE: images.sidecar,
    CODEBAY_AGENT_IMAGE: images.agent,
    CODEBAY_RUN_MEMORY_MB: '512',
    CODEBAY_MAX_RUNS: '4',
  };
  bench = scope.use(await openTaskBench(scripts.script, { env }));
}, 600_000);
afterAll(() => scope.disposeAsync(), 120_000);

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command, timeout_seconds: 300 } }] });

const submit = (script: ModelScript, task: Partial<TaskRequest> = {}): Promise<TaskView> =>
  bench.submit({ prompt: `Mend the project (${scripts.add(script)})`, ...task });
const finished = (taskId: string): Promise<TaskView> => bench.finished(taskId, FINISHED_MS);
const diffOf = async (taskId: string): Promise<string> => Buffer.from(await bench.client.diff(taskId)).toString();

const containersOf = (taskId: string): Promise<Docker.ContainerInfo[]> =>
  docker.client.listContainers({ all: true, filters: { label: [`${LABELS.task}=${taskId}`] } });
const volumesOf = async (taskId: string) =>
  (await docker.client.listVolumes({ filters: { label: [`${LABELS.task}=${taskId}`] } })).Volumes ?? [];
/** Of a part that runs. */
const partOf = async (taskId: string, part: string): Promise<string | undefined> =>
  (await containersOf(taskId)).find(({ Labels, State }) => Labels[LABELS.part] === part && State === 'running')?.Id;
const running = (taskId: string, part: string): Promise<string> => until(`the ${part} of ${taskId} runs`, () => partOf(taskId, part));
const untilNothingLeft = (taskId: string, timeoutMs?: number): Promise<true> =>
  until(
    `nothing of ${taskId} is left`,
    async () => ((await containersOf(taskId)).length === 0 && (await volumesOf(taskId)).length === 0) || null,
    timeoutMs,
  );

test(
  '`codebay doctor` looks at the engine and the images',
  async () => {
    const { stdout } = await bench.station.cli('doctor');
    expect(stdout).toMatch(/✓ Engine +Docker \d/);
    expect(stdout).toMatch(/✓ Images +all are here/);
    expect(stdout).not.toContain('Sandbox');
  },
  TEST_MS,
);

test(
  'a task comes out COMPLETED, verified, with a diff that mends the project, and leaves nothing',
  async () => {
    const { id } = await submit(scriptedAnswers(TEST_COMMAND), { verify: { command: TEST_COMMAND } });
    const task = await finished(id);
    await expectMended(task, bench);
    await untilNothingLeft(id);
  },
  TEST_MS,
);

/** Prints which of its arguments, `host:port` each, take a connection within two seconds. */
const CONNECT = `
  const tried = process.argv.slice(1).map((target) => new Promise((resolve) => {
    const socket = require("node:net").connect({ host: target.split(":")[0], port: target.split(":")[1], timeout: 2000 });
    for (const event of ["connect", "error", "timeout"]) socket.on(event, () => { resolve(event === "connect" ? target : ""); socket.destroy(); });
  }));
  Promise.all(tried).then((reached) => console.log("reached " + JSON.stringify(reached.filter(Boolean))));
`;

const LISTEN = 'require("node:net").createServer((socket) => socket.end()).listen(9999, () => console.log("listens"))';

/** Another container, on a network that any container gets: stands for all that is neither this machine nor the run's. */
const startNeighbour = async (image: string): Promise<{ readonly address: string } & AsyncDisposable> => {
  const id = await docker.docker(['run', '--detach', '--entrypoint', 'node', image, '-e', LISTEN]);
  await until('the neighbour listens', async () => (await docker.docker(['logs', id])).includes('listens'));
  const host = await docker.docker(['inspect', '--format', '{{.NetworkSettings.IPAddress}}', id]);
  return { address: `${host}:9999`, [Symbol.asyncDispose]: async () => void (await docker.docker(['rm', '--force', id])) };
};

test(
  'the agent reaches neither gateway nor host nor neighbour, and finds no identity; the sidecar reaches the gateway, and no neighbour',
  async () => {
    const server = createServer((socket) => socket.end()).listen(0, '0.0.0.0');
    await once(server, 'listening');
    await using stack = new AsyncDisposableStack();
    stack.defer(() => void server.close());
    const { address: neighbour } = stack.use(await startNeighbour(images.sidecar));
    const { port } = server.address() as { port: number };
    const gateway = new URL(bench.station.gatewayUrl).host;
    const host = `${new URL(bench.station.gatewayUrl).hostname}:${port}`;
    const targets = [gateway, host, neighbour, gateway.replace(/.*:/, '127.0.0.1:')];

    const turns = createHeldTurns([
      shell(`node -e '${CONNECT}' ${targets.join(' ')}; echo interfaces $(ls /sys/class/net)`),
      shell('cat /app/order/order.json; env; cat /proc/*/environ | tr "\\0" "\\n"; ls -lR /app/control; cat /app/task/*'),
      { text: 'Done.' },
    ]);
    const said: string[] = [];
    turns.hold(2);
    const { id } = await submit((request, turn) => {
      said.push(lastContent(request));
      return turns.script(request, turn);
    });
    await turns.untilAsked(2);
    expect(said[1]).toContain('reached []');
    expect(said[1]).toContain('interfaces lo\n');

    const sidecar = await running(id, 'sidecar');
    const { identity } = JSON.parse(await docker.docker(['exec', sidecar, 'cat', '/app/order/order.json'])) as { identity: string };
    expect(identity.length).toBeGreaterThan(20);
    expect(said[2]).toContain('/app/home');
    expect(said[2]).not.toContain(identity);
    const bySidecar = await docker.docker(['exec', sidecar, 'node', '-e', CONNECT, gateway, neighbour]);
    expect(bySidecar).toBe(`reached ${JSON.stringify([gateway])}`);
    // Any other container does, so that the places are there.
    const byAny = await docker.docker(['run', '--rm', '--entrypoint', 'node', images.agent, '-e', CONNECT, gateway, host, neighbour]);
    expect(byAny).toBe(`reached ${JSON.stringify([gateway, host, neighbour])}`);
    turns.release(2);
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED' });
  },
  TEST_MS,
);

test(
  'a set-up script runs before the agent, and what it made is there',
  async () => {
    const setup = shell('cat "$HOME/made-by-set-up"');
    const said: string[] = [];
    const turns = createHeldTurns([setup, { text: 'Done.' }]);
    const repository = join(bench.folder, 'with-setup');
    await execa('git', ['clone', '--quiet', bench.repository, repository]);
    await execa(
      'sh',
      [
        '-c',
        'echo \'echo made in set-up >"$HOME/made-by-set-up"\' >setup.sh; git add . && git -c user.name=a -c user.email=a@b commit -qm set-up',
      ],
      {
        cwd: repository,
      },
    );
    await execa('git', ['push', '--quiet', 'origin', 'HEAD:refs/heads/with-setup'], { cwd: repository });
    const { id } = await submit(
      (request, turn) => {
        said.push(lastContent(request));
        return turns.script(request, turn);
      },
      { source: { type: 'git', url: bench.repositoryUrl, ref: 'with-setup' } },
    );
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED' });
    expect(said[1]).toContain('made in set-up');
  },
  TEST_MS,
);

test(
  'a command that runs out of memory is killed, and the agent goes on',
  async () => {
    const said: string[] = [];
    const turns = createHeldTurns([shell('tail /dev/zero; echo "ended with $?"'), shell('echo after > after.txt'), { text: 'Done.' }]);
    const { id } = await submit((request, turn) => {
      said.push(lastContent(request));
      return turns.script(request, turn);
    });
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED' });
    expect(said[1]).toContain('ended with 137');
    expect(await diffOf(id)).toContain('+after\n');
  },
  TEST_MS,
);

const cancelInTime = async (taskId: string): Promise<void> => {
  await bench.client.cancel(taskId);
  await untilNothingLeft(taskId, GONE_WITHIN_MS);
  expect(await finished(taskId)).toMatchObject({ status: 'CANCELLED' });
};

test(
  'a task that is cancelled in a model turn leaves no container after 15 s',
  async () => {
    const turns = createHeldTurns([shell('echo changed > changed.txt'), { text: 'Done.' }]);
    turns.hold(1);
    const { id } = await submit(turns.script);
    await turns.untilAsked(1);
    await cancelInTime(id);
    turns.release(1);
  },
  TEST_MS,
);

test(
  'a task that is cancelled in a command leaves no container after 15 s',
  async () => {
    const { id } = await submit(createHeldTurns([shell('touch began; sleep 600')]).script);
    const tools = await running(id, 'tools');
    // What is executed there ends with the command of the sidecar's that it meets.
    const names = (): Promise<string> => docker.docker(['exec', tools, 'ls', '/app/code']).catch(() => '');
    await until('the command runs', async () => (await names()).includes('began'));
    await cancelInTime(id);
  },
  TEST_MS,
);

test.each(['sidecar', 'agent', 'tools'])(
  'a task whose container %s is killed goes on from its checkpoint and asks no finished turn again',
  async (part) => {
    const turns = createHeldTurns([shell('echo first >> ran.txt'), shell('echo second >> ran.txt'), { text: 'Done.' }]);
    turns.hold(1);
    const { id } = await submit(turns.script);
    await turns.untilAsked(1);
    const first = await running(id, 'sidecar');
    await docker.client.getContainer(await running(id, part)).kill();
    await until(
      'another sidecar goes on',
      async () =>
        (await containersOf(id)).some(({ Id, Labels, State }) => Labels[LABELS.part] === 'sidecar' && State === 'running' && Id !== first),
      FINISHED_MS,
    );
    turns.release(1);
    const task = await finished(id);
    expect(task).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1 }, { epoch: 2, outcome: 'succeeded' }] });
    expect(turns.asked.filter((turn) => turn === 0)).toHaveLength(1);
    expect(turns.asked.filter((turn) => turn === 2)).toHaveLength(1);
    expect(await diffOf(id)).toContain('\n@@ -0,0 +1,2 @@\n+first\n+second\n');
    await untilNothingLeft(id);
  },
);

test('a run that no task holds is removed; one of another station is left alone', async () => {
  const leave = async (station: string): Promise<Docker.Container> => {
    const Labels = { [LABELS.station]: station, [LABELS.task]: 'ghost', [LABELS.run]: 'ghost-a1', [LABELS.part]: 'agent' };
    return docker.client.createContainer({ Image: images.agent, Labels, HostConfig: { NetworkMode: 'none' } });
  };
  const foreign = await leave('somebody-else');
  await using _removed = { [Symbol.asyncDispose]: () => foreign.remove() };
  const ours = await leave(stationOf('codebay', bench.dataDir));
  await until('it is removed', async () => (await containersOf('ghost')).every(({ Id }) => Id !== ours.id));
  expect((await containersOf('ghost')).map(({ Id }) => Id)).toEqual([foreign.id]);
});

test(
  'a worker that is killed leaves the run alone, and the next one goes on with the same containers',
  async () => {
    const turns = createHeldTurns([shell('echo changed > changed.txt'), { text: 'Done.' }]);
    turns.hold(1);
    const { id } = await submit(turns.script);
    await turns.untilAsked(1);
    const before = (await containersOf(id)).map(({ Id, State }) => `${Id} ${State}`).sort();
    const worker = bench.station.pids().worker;
    bench.station.kill('worker');
    await until('another worker works', () => {
      const now = bench.station.pids().worker;
      return now !== undefined && now !== worker;
    });
    expect((await containersOf(id)).map(({ Id, State }) => `${Id} ${State}`).sort()).toEqual(before);
    turns.release(1);
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1, outcome: 'succeeded' }] });
    await untilNothingLeft(id);
  },
  TEST_MS,
);

test(
  'a station that is told to end leaves no container running, and the next one goes on',
  async () => {
    const turns = createHeldTurns([shell('echo changed > changed.txt'), { text: 'Done.' }]);
    turns.hold(1);
    const { id } = await submit(turns.script);
    await turns.untilAsked(1);
    await bench.station.stop();
    expect((await containersOf(id)).filter(({ State }) => State === 'running')).toEqual([]);
    await bench.startAgain();
    turns.release(1);
    expect(await finished(id)).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1 }, { epoch: 2, outcome: 'succeeded' }] });
    expect(turns.asked.filter((turn) => turn === 0)).toHaveLength(1);
    await untilNothingLeft(id);
  },
  TEST_MS,
);
