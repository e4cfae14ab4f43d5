import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { clusterPods } from '../support/cluster-pods.ts';
import { until } from '../support/until.ts';
import { exposeToPods } from './expose.ts';
import { openTestCluster, ownOf, type TestCluster, testInOwnCluster } from './test-cluster.ts';

let cluster: TestCluster;
let pods: ReturnType<typeof clusterPods>;
let namespace: string;

beforeAll(async () => {
  cluster = await openTestCluster();
  pods = clusterPods(cluster.kubeconfig);
  namespace = await pods.namespace('smoke');
}, 120_000);

afterAll(async () => {
  await pods?.removeAll();
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

test('a Job of `true` completes', async () => {
  await pods.batch.createNamespacedJob({ namespace, body: pods.job('true', ['true']) });
  const job = await until('the Job has ended', async () => {
    const { status } = await pods.batch.readNamespacedJobStatus({ namespace, name: 'true' });
    return status?.conditions?.find(({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'));
  });
  expect(job.type).toBe('Complete');
});

test('PodSecurity `restricted` refuses a pod of root', async () => {
  const root = pods.job('root', ['true'], { securityContext: { runAsUser: 0 } }).spec?.template.spec;
  const refused = pods.core.createNamespacedPod({ namespace, body: { metadata: { name: 'root' }, spec: root ?? { containers: [] } } });
  await expect(refused).rejects.toMatchObject({ code: 403, body: expect.stringContaining('violates PodSecurity') });
});

test('a pod reaches a server of this machine that listens on loopback only, once it is exposed', async () => {
  const server = createServer((socket) => socket.end('from the machine')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pod = await pods.pod(namespace, 'caller', {}, ['sleep', '600']);
  await using exposed = await exposeToPods(cluster.hostAddress, (server.address() as AddressInfo).port);
  const answer = await pods.exec(pod, ['nc', '-w', '2', cluster.hostAddress, String(exposed.port)]);
  server.close();
  expect(answer).toEqual({ code: 0, output: 'from the machine' });
});

test('a service is found by its name, and answers at its address', async () => {
  await pods.pod(namespace, 'web', { app: 'web' }, ['httpd', '-f', '-p', '8080']);
  await pods.core.createNamespacedService({
    namespace,
    body: { metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
  });
  const caller = await pods.pod(namespace, 'asker', {}, ['sleep', '600']);
  const { clusterIP = '' } = (await pods.core.readNamespacedService({ namespace, name: 'web' })).spec ?? {};
  const lookUp = () => pods.exec(caller, ['nslookup', '-type=a', `web.${namespace}.svc.cluster.local`]);
  const found = await until('the name is known', async () => {
    const { code, output } = await lookUp();
    return code === 0 && output;
  });
  expect(found).toContain(clusterIP);
  await until('kube-proxy leads to the pod', () => pods.connects(caller, clusterIP, 80));
});

testInOwnCluster('the API server comes back on the same data', async () => {
  const { metadata } = await pods.core.readNamespace({ name: namespace });
  await ownOf(cluster).restartApiServer(0);
  expect((await pods.core.readNamespace({ name: namespace })).metadata?.uid).toBe(metadata?.uid);
});
