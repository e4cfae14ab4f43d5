import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { clusterPods } from '../support/cluster-pods.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { networkPids } from './network.ts';
import { testInOwnCluster } from './test-cluster.ts';

const CLUSTER = join(import.meta.dirname, 'cluster.ts');
const CGROUPS = '/sys/fs/cgroup';

const linesWith = async (file: string, word: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line.includes(word));

const entriesOf = async (folder: string, name: string): Promise<readonly string[]> =>
  existsSync(folder) ? (await readdir(folder)).filter((entry) => entry.startsWith(name)) : [];

/** Pids of whoever names the cluster in its command line, or is in its cgroup: found from outside, whatever the cluster knows of itself. */
const processesOf = async (name: string): Promise<readonly string[]> => {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const isOurs = async (pid: string): Promise<boolean> => {
    const command = await linesWith(`/proc/${pid}/cmdline`, '');
    // A dead one, of which its parent has not heard yet, has no command line.
    if (command.join('') === '') return false;
    return command.join('').includes(name) || (await linesWith(`/proc/${pid}/cgroup`, `/${name}`)).length > 0;
  };
  const ours = await Promise.all(pids.map(isOurs));
  return pids.filter((_, index) => ours[index]);
};

const containerLogs = async (name: string): Promise<readonly string[]> => {
  const folder = '/var/log/containers';
  const links = await Promise.all((await entriesOf(folder, '')).map((entry) => readlink(join(folder, entry)).catch(() => '')));
  return links.filter((target) => target.includes(name));
};

/** Everything on this machine that is of the cluster with this name, by its kind. */
const tracesOf = async (name: string): Promise<Readonly<Record<string, readonly string[]>>> => ({
  processes: await processesOf(name),
  namespaces: await entriesOf('/run/netns', name),
  cables: Object.keys(networkInterfaces()).filter((link) => link.startsWith(name)),
  mounts: await linesWith('/proc/self/mounts', name),
  cgroups: (
    await Promise.all(
      [CGROUPS, ...(await readdir(CGROUPS)).map((tree) => join(CGROUPS, tree))].map((tree) => entriesOf(tree, name).catch(() => [])),
    )
  ).flat(),
  folders: await entriesOf('/tmp', name),
  logs: await containerLogs(name),
});

const NOTHING = { processes: [], namespaces: [], cables: [], mounts: [], cgroups: [], folders: [], logs: [] };

/** The control: where this finds nothing of a kind, its absence proves nothing. */
const expectEveryTrace = async (name: string): Promise<void> => {
  const kinds = Object.entries(await tracesOf(name)).filter(([, found]) => found.length > 0);
  expect(kinds.map(([kind]) => kind)).toEqual(Object.keys(NOTHING));
};

const runsPod = async ({ kubeconfig }: Cluster, name: string): Promise<void> => {
  const pods = clusterPods(kubeconfig);
  const pod = await pods.pod(await pods.namespace('lifecycle'), name, {}, ['sleep', '600']);
  expect(await pods.exec(pod, ['echo', name])).toEqual({ code: 0, output: `${name}\n` });
};

/** A process that holds a cluster until it is killed, and the cluster's name. */
const startHolder = async (): Promise<{ readonly holder: ChildProcess; readonly name: string }> => {
  const script = `import { startCluster } from ${JSON.stringify(CLUSTER)};
const cluster = await startCluster();
process.stdout.write(cluster.network.name);
setInterval(() => undefined, 60_000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [name] = await once(holder.stdout, 'data');
  return { holder, name: String(name) };
};

/* Run alone (`test:cluster:lifecycle`): whoever starts a cluster meanwhile may take a name that has come free, and sweeps what a killed holder left. */

testInOwnCluster(
  'clusters stand side by side, and each leaves nothing',
  async () => {
    const [first, second] = await Promise.all([startCluster(), startCluster()]);
    const names = [first.network.name, second.network.name];
    try {
      expect(new Set(names).size).toBe(2);
      await Promise.all([runsPod(first, 'one'), runsPod(second, 'two')]);
      await Promise.all(names.map(expectEveryTrace));
      await first[Symbol.asyncDispose]();
      expect(await tracesOf(first.network.name)).toEqual(NOTHING);
      await runsPod(second, 'three');
    } finally {
      await Promise.all([first, second].map((cluster) => cluster[Symbol.asyncDispose]()));
    }
    expect(await Promise.all(names.map(tracesOf))).toEqual([NOTHING, NOTHING]);
  },
  180_000,
);

testInOwnCluster(
  'a cluster whose holder was killed is removed by the next start, and one whose holder lives is not',
  async () => {
    const { holder, name } = await startHolder();
    await using living = await startCluster();
    const pids = await networkPids(name);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await expectEveryTrace(name);
    const said: string[] = [];
    const next = await startCluster({ say: (line) => void said.push(line) });
    expect(said.filter((line) => line.startsWith('removed'))).toEqual([`removed ${name}, whose holder had been killed`]);
    // The next one may well have taken the name.
    expect((await processesOf(name)).filter((pid) => pids.includes(Number(pid)))).toEqual([]);
    await next[Symbol.asyncDispose]();
    expect(await tracesOf(name)).toEqual(NOTHING);
    await runsPod(living, 'four');
  },
  180_000,
);
