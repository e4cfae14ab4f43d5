import { connectCluster } from '../../../platform/kubernetes/connection.ts';
import { kubeConfigOf, type RunCluster, startRunCluster } from '../../support/run-cluster.ts';
import { orderOf, SCENARIOS, untilExit } from '../../support/stand-in-run.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { ownOf, testInOwnCluster } from '../test-cluster.ts';

let runs: RunCluster;
let namespace: string;
beforeAll(async () => {
  runs = await startRunCluster();
  namespace = await runs.makeNamespace();
}, 180_000);
afterAll(() => runs[Symbol.asyncDispose]());

const endsAfter = (seconds: number) => orderOf(`sleep ${seconds}; exit 0`);

test('a watch that falls silent without breaking off is given up in time, and the end is seen', async () => {
  const { hostname, port } = new URL(kubeConfigOf(runs.cluster.kubeconfig).getCurrentCluster()?.server ?? '');
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  const warnings: string[] = [];
  const runner = runs.runner(namespace, {
    cluster: connectCluster(kubeConfigOf(runs.cluster.kubeconfig, `https://127.0.0.1:${proxy.port}`)),
    watchSeconds: 2,
    log: { warn: (_, message) => void warnings.push(message) },
  });
  try {
    const order = endsAfter(4);
    await runner.start(order);
    expect(await runner.observe(order.runId)).toEqual({ state: 'running' });
    proxy.freeze();
    expect(await untilExit(runner, order.runId, 30_000)).toMatchObject({ cause: 'finished', exitCode: 0 });
    expect(warnings).toContain('a watch broke off; the list is asked for again');
    await runner.remove(order.runId);
  } finally {
    runner.close();
    await proxy.close();
  }
});

testInOwnCluster('an API server that is away for a while keeps no run from its end, and none is taken for lost', async () => {
  const runner = runs.runner(namespace);
  const [during, after] = [endsAfter(6), orderOf(SCENARIOS.live)];
  await runner.start(during);
  await runner.start(after);
  for (const { runId } of [during, after]) expect(await runner.observe(runId)).toEqual({ state: 'running' });
  const restarted = ownOf(runs.cluster).restartApiServer(15_000);
  const seen = await Promise.all([untilExit(runner, during.runId, 60_000), runner.observe(after.runId, { waitMs: 12_000 }), restarted]);
  expect(seen[0]).toMatchObject({ cause: 'finished', exitCode: 0 });
  expect(seen[1]).toEqual({ state: 'running' });
  expect(await runner.observe(after.runId)).toEqual({ state: 'running' });
  await runner.stop(after.runId, 9_500);
  expect(await runner.observe(after.runId)).toEqual({ state: 'absent' });
});
