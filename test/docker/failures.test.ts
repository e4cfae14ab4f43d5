import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DockerRunnerOptions } from '../../platform/docker.ts';
import type { RunOrder } from '../../tasks/run.ts';
import { writeImage } from '../cluster/images.ts';
import { type DockerRuns, startDockerRuns } from '../support/docker-runs.ts';
import { failuresOfContainers } from '../support/runner-failures-contract.ts';
import { GREEDY, orderOf, SCENARIOS, untilExit } from '../support/stand-in-run.ts';

const MiB = 1024 * 1024;
let runs: DockerRuns;
beforeAll(async () => {
  runs = await startDockerRuns();
}, 180_000);
afterAll(() => runs?.[Symbol.asyncDispose]());

/** How a run of this order ends; it is removed then. */
const endOf = async (
  order: RunOrder,
  change: Partial<DockerRunnerOptions> = {},
  during: () => Promise<unknown> = async () => undefined,
) => {
  const runner = runs.runner(change);
  try {
    await runner.start(order);
    await during();
    return await untilExit(runner, order.runId, 60_000);
  } finally {
    await runner.remove(order.runId);
  }
};
const { limits } = orderOf('');

failuresOfContainers(endOf);

test('folders over their limit together, whatever hides behind the mode of a folder', async () => {
  const order = orderOf(SCENARIOS.live, { image: GREEDY, limits: { ...limits, diskBytes: 32 * MiB } });
  expect(await endOf(order)).toMatchObject({ cause: 'disk_full', detail: expect.stringContaining('CODEBAY_RUN_DISK_MB') });
});

test('a sidecar that is killed', async () => {
  const order = orderOf(SCENARIOS.live);
  expect(await endOf(order, {}, () => runs.part(order.runId, 'sidecar').kill())).toMatchObject({ cause: 'finished', exitCode: 137 });
});

test('another part that is killed while the sidecar goes on', async () => {
  const order = orderOf(SCENARIOS.live);
  expect(await endOf(order, {}, () => runs.part(order.runId, 'tools').kill())).toMatchObject({
    cause: 'lost',
    detail: expect.stringContaining('container tools'),
  });
});

test('what the sidecar itself says', async () => {
  const order = orderOf(
    `echo a line of its log >&2; printf '{"exitCode":1,"cause":"isolation","detail":"a door is open"}' >/dev/stdout; exit 1`,
  );
  expect(await endOf(order)).toEqual({ cause: 'isolation', exitCode: 1, detail: 'a door is open' });
});

test('an image that the engine has not', async () => {
  const order = orderOf(SCENARIOS.live, { image: 'registry.invalid/none:1' });
  await expect(endOf(order)).rejects.toMatchObject({ reason: 'IMAGE_PULL', message: expect.stringContaining('registry.invalid/none:1') });
  expect(await runs.containers(order.runId)).toEqual([]);
});

test('an image without a shell', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-bare-'));
  await mkdir(join(folder, 'root'));
  await writeImage(join(folder, 'root'), 'codebay.test/bare:1', {}, join(folder, 'bare.tar'));
  await runs.docker(['load', '--input', join(folder, 'bare.tar')]);
  await rm(folder, { recursive: true });
  const order = orderOf(SCENARIOS.live, { image: 'codebay.test/bare:1' });
  await expect(endOf(order)).rejects.toMatchObject({ reason: 'RUN_NOT_STARTED', message: expect.stringContaining('/bin/sh') });
  expect(await runs.containers(order.runId)).toEqual([]);
});

test('a sidecar that outlives the deadline', async () => {
  // Its other parts are fixed, so that only a clock that has run out before makes it short.
  const order = orderOf(SCENARIOS.live, { limits: { ...limits, timeMs: 2_000 - 60_000 - 600_000 } });
  expect(await endOf(order)).toMatchObject({ cause: 'timed_out' });
});

test('more cores than there are', async () => {
  expect(await endOf(orderOf(SCENARIOS.finish), { cpus: 1_000 })).toMatchObject({ cause: 'finished', exitCode: 0 });
});
