import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CoreV1Api, type V1Pod } from '@kubernetes/client-node';
import { SIDECAR_PATHS } from '../../../platform/pod/layout.ts';
import { runOrderSchema } from '../../../tasks/run-order.ts';
import { type Deployed, NAMESPACE, OTHERS_SECRET, SETUP_SECRET } from './deployed.ts';
import { eachInSystem, inSystem } from './in-system.ts';
import { foundIn, halves, look } from './look.ts';
import { startPuppet } from './puppet.ts';
import { inTurns, logOf, repositoryWith, runTask } from './tasks.ts';

const HOSTILE_SETUP = join(import.meta.dirname, '../../support/hostile-setup');
const { order: ORDER } = SIDECAR_PATHS;
const SHARED_MEMORY = '/dev/shm';
const NO_CALLER = { itself: 401, secrets: 401, tunnel: 401, page: 401 };
/** A run's identity, once set-up is over. */
const AFTER_SETUP = { itself: 200, secrets: 403, tunnel: 403, page: 403 };

/** What Kubernetes tells its pods: where the API server is, and who they are to it. */
const MEMBERSHIP = `cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep '^KUBERNETES_[A-Z0-9_]*=.'
ls -d /run/secrets/kubernetes.io/* /var/run/secrets/kubernetes.io/* 2>/dev/null; echo looked`;

/** What the run's sidecar was given. */
const orderOf = async ({ config, runs }: Deployed, { metadata }: V1Pod) => {
  const core = config.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespacedSecret({ namespace: runs.namespace });
  const secret = items.find(({ metadata: own }) => own?.ownerReferences?.some(({ uid }) => uid === metadata?.ownerReferences?.[0]?.uid));
  return runOrderSchema.parse(JSON.parse(Buffer.from(secret?.data?.['order.json'] ?? '', 'base64').toString()));
};

const workerPod = async ({ config }: Deployed): Promise<V1Pod> => {
  const core = config.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/component=worker' });
  if (items[0] === undefined) throw new Error('there is no worker');
  return items[0];
};

const apiServerOf = async ({ config }: Deployed): Promise<string> => {
  const { spec } = await config.makeApiClient(CoreV1Api).readNamespacedService({ namespace: 'default', name: 'kubernetes' });
  return `${spec?.clusterIP}:443`;
};

const noIdentity = (): void =>
  inSystem(
    'a command of the agent finds no identity, no set-up secret and no way into the cluster, and is nobody to the gateway',
    async (system) => {
      const { runs, setupSecret, mirror } = system;
      const search = (secrets: Readonly<Record<string, string>>): Promise<string> => {
        const wanted = Object.entries(secrets).map(([name, value]) => [name, halves(value)]);
        return look('search.mjs', 'findSecrets', { secrets: Object.fromEntries(wanted), roots: ['/', SHARED_MEMORY] });
      };
      // Set-up has its secret, the search finds it there, and the last of it stays where no program holds it.
      const setup = `set -e\n${await search({ 'the set-up secret': setupSecret })}\necho "$${SETUP_SECRET}" >${SHARED_MEMORY}/left\n`;
      const url = await repositoryWith(system, { 'setup.sh': setup });
      const puppet = await startPuppet(system, { url });
      const { identity, gatewayUrl, runId } = await orderOf(system, puppet.pod);
      const everything = await search({ 'the set-up secret': setupSecret, "the run's identity": identity });
      const nothing = { secrets: [], searched: expect.any(Number) };

      expect(foundIn(await puppet.run(everything))).toEqual(nothing);
      expect(foundIn(await runs.exec(puppet.pod, 'tools', everything))).toEqual(nothing);
      expect(foundIn(await runs.exec(puppet.pod, 'sidecar', everything))).toMatchObject({ secrets: ['an identity', "the run's identity"] });

      expect(await runs.exec(await workerPod(system), 'worker', MEMBERSHIP)).toMatch(/KUBERNETES_SERVICE_HOST=.*secrets\/kubernetes\.io/s);
      expect(await puppet.run(MEMBERSHIP)).toMatch(/^exit code 0 \([0-9.]+ s\)\nlooked\n?$/);
      for (const container of ['sidecar', 'tools']) expect(await runs.exec(puppet.pod, container, MEMBERSHIP)).toBe('looked');

      const gateway = { url: gatewayUrl, mirror: mirror.address };
      for (const token of [null, 'placeholder', `cbr_${runId}.${Date.now() + 3_600_000}.${'a'.repeat(43)}`, system.apiKey]) {
        expect(foundIn(await puppet.run(await look('gateway.mjs', 'askGateway', { ...gateway, token })))).toEqual(NO_CALLER);
      }
      const asSidecar = await look('gateway.mjs', 'askAsSidecar', { ...gateway, order: ORDER });
      expect(foundIn(await runs.exec(puppet.pod, 'sidecar', asSidecar))).toEqual(AFTER_SETUP);

      expect(await puppet.end()).toMatchObject({ status: 'COMPLETED' });
      expect(foundIn(await logOf(system, puppet.taskId, 'setup.log'))).toMatchObject({ secrets: ['the set-up secret'] });
    },
  );

/** Left running by set-up: what it sees of the secret, and what the mirror says to it, again and again. */
const LEFT_BEHIND = `while :; do
  echo "secret \${${SETUP_SECRET}:+seen} $(curl --silent --max-time 2 --proxy "$HTTP_PROXY" "$1")" >>"$HOME/left-behind"
  sleep 0.05
done
`;
const LOOK_AFTER_IT = `echo "runs $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^left-behind.sh$') times"
echo "wrote $(wc -l <"$HOME/left-behind") lines"
ls /app/sockets/current
sh later.sh
`;
const setUp = (mirror: Deployed['mirror']): string => `set -e
node setup.mjs
setsid nohup sh left-behind.sh http://${mirror.address}/ >/dev/null 2>&1 &
until grep -q 'secret seen ${mirror.says}' "$HOME/left-behind"; do sleep 0.1; done 2>/dev/null
sh look-after-it.sh
`;

const afterSetup = (): void =>
  inSystem('set-up has its secret and its mirror; the agent has neither, nor has what set-up left running', async (system) => {
    const { mirror, setupSecret, beside } = system;
    const privateOnes = ['169.254.169.254:80', new URL(beside.mysqlUrl).host, await apiServerOf(system)];
    const url = await repositoryWith(
      system,
      {
        'targets.json': JSON.stringify({ destinations: [mirror.address, ...privateOnes], names: [SETUP_SECRET, OTHERS_SECRET] }),
        'left-behind.sh': LEFT_BEHIND,
        'look-after-it.sh': LOOK_AFTER_IT,
        'setup.sh': setUp(mirror),
      },
      { project: HOSTILE_SETUP },
    );
    const puppet = await startPuppet(system, { url });
    const lookAfterIt = async (): Promise<string> => (await puppet.run('sh look-after-it.sh')).split('\n').slice(1).join('\n');
    const first = await lookAfterIt();
    expect(first).toMatch(/^runs 0 times\nwrote \d+ lines\nmodel\.sock\nnamed 0 times\nproxy ECONNREFUSED\n$/);
    const { gatewayUrl } = await orderOf(system, puppet.pod);
    const asked = await look('gateway.mjs', 'askAsSidecar', { url: gatewayUrl, mirror: mirror.address, order: ORDER });
    expect(foundIn(await system.runs.exec(puppet.pod, 'sidecar', asked))).toEqual(AFTER_SETUP);
    const { hostname: host, port } = new URL(`http://${mirror.address}`);
    expect(foundIn(await puppet.run(await look('network.mjs', 'connectTo', { mirror: { host, port } })))).toEqual([]);
    // Nothing has been written in the meantime.
    expect(await lookAfterIt()).toBe(first);
    expect(await puppet.end()).toMatchObject({ status: 'COMPLETED' });

    const setupLog = await logOf(system, puppet.taskId, 'setup.log');
    const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(setupLog).toContain(`${SETUP_SECRET} is ${digest(setupSecret)}`);
    expect(setupLog).toContain(`${OTHERS_SECRET} is ${digest('')}`);
    expect(setupLog).not.toContain(setupSecret);
    expect(setupLog).toMatch(/runs [1-9]\d* times\nwrote [1-9]\d* lines\nproxy\.sock\nnamed [1-9]\d* times\nproxy reached/);
    expect(JSON.parse(/^ANSWERS (.*)$/m.exec(setupLog)?.[1] ?? '{}')).toEqual({
      [mirror.address]: [mirror.says, mirror.says],
      ...Object.fromEntries(privateOnes.map((one) => [one, [403, 403]])),
    });
  });

const LEAVES: Readonly<Record<string, string>> = {
  'in its home': `echo "$${SETUP_SECRET}" >"$HOME/left"`,
  'in the output': `echo "$${SETUP_SECRET}" >/app/output/left`,
  'in the temporary folder': `echo "$${SETUP_SECRET}" >/tmp/left`,
  'beside a tar of its own, which would hide it': `mkdir -p "$HOME/.local/bin"
printf '#!/bin/sh\\n' >"$HOME/.local/bin/tar"
chmod +x "$HOME/.local/bin/tar"
[ -z "$(tar --version)" ]
echo "$${SETUP_SECRET}" >"$HOME/left"`,
};

const leaks = (): void =>
  eachInSystem(
    LEAVES,
    (place) => `set-up that leaves its secret ${place} ends the task`,
    async (system, script) => {
      const url = await repositoryWith(system, { 'setup.sh': `set -e\n${script}\n` });
      const task = await runTask(system, inTurns(), { url });
      expect(task).toMatchObject({ status: 'FAILED', failure: { reason: 'SETUP_LEAKED_SECRET' } });
    },
  );

export const secretIsolation = (): void => {
  noIdentity();
  afterSetup();
  leaks();
};
