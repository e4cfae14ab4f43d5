import type { Runner } from '../../tasks/ports/runner.ts';
import { type DockerRuns, startDockerRuns } from '../support/docker-runs.ts';
import { orderOf, SCENARIOS, STAND_IN, untilExit } from '../support/stand-in-run.ts';

let runs: DockerRuns;
let runner: Runner;
beforeAll(async () => {
  runs = await startDockerRuns();
  runner = runs.runner();
}, 180_000);
afterAll(() => runs?.[Symbol.asyncDispose]());

const nothingIsLeft = async (runId: string) => {
  expect(await runs.containers(runId)).toEqual([]);
  expect(await runs.volumes(runId)).toEqual([]);
  expect(await runner.observe(runId)).toEqual({ state: 'absent' });
};
const idsOf = async (runId: string) => (await runs.containers(runId)).map(({ Id }) => Id).sort();

test('a run that ends well is seen to, and leaves nothing', async () => {
  const order = orderOf(SCENARIOS.finish);
  expect(await runner.observe(order.runId)).toEqual({ state: 'absent' });
  await runner.start(order);
  expect(await untilExit(runner, order.runId)).toEqual({ exitCode: 0, cause: 'finished', detail: '' });
  expect(await runner.list()).toContain(order.runId);
  await runner.remove(order.runId);
  await nothingIsLeft(order.runId);
  expect(await runner.list()).not.toContain(order.runId);
  await runner.remove(order.runId);
});

test('starting again finds the same containers; another worker sees the run and its end', async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  const first = await idsOf(order.runId);
  const other = runs.runner();
  await other.start(order);
  expect(await idsOf(order.runId)).toEqual(first);
  expect(await other.observe(order.runId)).toEqual({ state: 'running' });
  expect(await other.list()).toContain(order.runId);

  const seen = other.observe(order.runId, { waitMs: 60_000 });
  await runner.stop(order.runId, 9_500);
  expect(await seen).toMatchObject({ state: 'exited', exit: { exitCode: 143 } });
  expect((await runs.containers(order.runId)).filter(({ State }) => State === 'running')).toEqual([]);
  await runner.stop(order.runId, 9_500);
  await runner.remove(order.runId);
  await nothingIsLeft(order.runId);
});

test.each(['folders', 'sidecar'] as const)('a start that broke off before %s was started is gone on with', async (part) => {
  const order = orderOf(SCENARIOS.live);
  const broken = runs.runner({
    engine: new Proxy(runs.engine, {
      get: (engine, property) =>
        property === 'getContainer'
          ? (name: string) => {
              const container = engine.getContainer(name);
              if (name.endsWith(`-${part}`)) container.start = () => Promise.reject(new Error('the worker died'));
              return container;
            }
          : Reflect.get(engine, property),
    }),
  });
  await expect(broken.start(order)).rejects.toThrow();
  const made = await idsOf(order.runId);
  expect(made).toHaveLength(5);
  expect(await runner.observe(order.runId)).toEqual({ state: 'running' });
  expect(await runs.runner({ startMs: 0 }).observe(order.runId)).toMatchObject({ state: 'exited', exit: { cause: 'not_started' } });
  await runner.start(order);
  expect(await idsOf(order.runId)).toEqual(made);
  expect((await runs.part(order.runId, 'sidecar').inspect()).State.Running).toBe(true);
  await runner.remove(order.runId);
  await nothingIsLeft(order.runId);
});

test('of a run that has lost its containers the rest is found and removed', async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  for (const id of await idsOf(order.runId)) await runs.engine.getContainer(id).remove({ force: true });
  expect(await runner.observe(order.runId)).toEqual({ state: 'absent' });
  expect(await runs.volumes(order.runId)).not.toEqual([]);
  expect(await runner.list()).toContain(order.runId);
  await runner.remove(order.runId);
  await nothingIsLeft(order.runId);
});

test('what ends a run waits for its start', async () => {
  const order = orderOf(SCENARIOS.live);
  const started = runner.start(order);
  await runner.stop(order.runId, 1_000);
  await runner.remove(order.runId);
  await started;
  await nothingIsLeft(order.runId);
});

test('a sidecar that is deaf is ended by force after the grace period', async () => {
  const order = orderOf("trap '' TERM; while :; do sleep 1; done");
  await runner.start(order);
  await runner.stop(order.runId, 1_000);
  expect(await untilExit(runner, order.runId)).toMatchObject({ exitCode: 137 });
  await runner.remove(order.runId);
});

test("another station's runs are neither seen nor removed", async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  const stranger = runs.runner({ station: `${runs.station}-other` });
  expect(await stranger.list()).toEqual([]);
  expect(await stranger.observe(order.runId)).toEqual({ state: 'absent' });
  await stranger.stop(order.runId, 0);
  await stranger.remove(order.runId);
  expect(await runner.observe(order.runId)).toEqual({ state: 'running' });
  await runner.remove(order.runId);
});

test('a name that is taken by somebody else is refused', async () => {
  const order = orderOf(SCENARIOS.live);
  const name = `${runs.station}-${order.runId}-agent`;
  const foreign = await runs.engine.createContainer({ name, Image: STAND_IN, Cmd: ['true'] });
  await expect(runner.start(order)).rejects.toMatchObject({ reason: 'RUN_REFUSED', message: expect.stringContaining(name) });
  await runner.remove(order.runId);
  expect((await foreign.inspect()).Name).toBe(`/${name}`);
  await foreign.remove();
});

test('what each part is: its user, no privileges, a root that it cannot write, bounds', async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  const parts = ['sidecar', 'agent', 'tools', 'disk'];
  const users = { sidecar: '10001:10000', agent: '10002:10000', tools: '10002:10000', disk: '0:10000' };
  for (const part of parts) {
    const { Config, HostConfig, State } = await runs.part(order.runId, part).inspect();
    expect(State.Running).toBe(true);
    expect({ part, user: Config.User }).toEqual({ part, user: users[part as keyof typeof users] });
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false });
    expect({ part, network: HostConfig.NetworkMode }).toEqual({ part, network: part === 'sidecar' ? 'codebay-runs' : 'none' });
    expect(HostConfig.PidsLimit).toBeGreaterThan(0);
    expect(HostConfig.Memory).toBeGreaterThan(0);
  }
  expect(JSON.stringify(await Promise.all(parts.map((part) => runs.part(order.runId, part).inspect())))).not.toContain(order.identity);
  await runner.remove(order.runId);
});

test('the order is the sidecar’s alone, which may write only to its folders', async () => {
  const script = [
    '[ "$(id -u):$(id -g)" = 10001:10000 ] || exit 11',
    'echo x > /app/scratch/x || exit 12',
    'echo x > /app/task/x || exit 13',
    'echo x > /app/control/agent/x || exit 14',
    'echo x > /usr/x && exit 15',
    'echo x > /app/order/order.json && exit 16',
    '[ ! -e /app/code ] || exit 17',
    'exit 0',
  ].join('\n');
  const order = orderOf(script);
  await runner.start(order);
  expect(await untilExit(runner, order.runId)).toEqual({ exitCode: 0, cause: 'finished', detail: '' });
  const mounts = (await runs.part(order.runId, 'agent').inspect()).Mounts.map(({ Destination, RW }) => `${Destination} ${RW}`).sort();
  expect(mounts).toEqual(
    [
      '/app/code true',
      '/app/control/agent true',
      '/app/home true',
      '/app/output true',
      '/app/sockets false',
      '/app/task false',
      '/tmp true',
    ].sort(),
  );
  await runner.remove(order.runId);
});
