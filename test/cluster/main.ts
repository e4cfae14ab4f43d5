/*
 * `npm run cluster -- COMMAND`: the cluster of the tests, by hand.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { until } from '../support/until.ts';
import { claimantOf } from './claim.ts';
import { startCluster } from './cluster.ts';
import { containerdSocket, importCommand, importImage } from './containerd.ts';
import { sweepClusters } from './leftovers.ts';
import { ClusterMissingError, clusterPrograms } from './missing.ts';
import { HOST_VARIABLE, IMPORT_VARIABLE } from './test-cluster.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Which cluster this clone has up, and who holds it. */
const STATE = join(ROOT, '.cache/cluster.json');

interface ClusterState {
  readonly name: string;
  readonly pid: number;
  readonly kubeconfig: string;
  readonly hostAddress: string;
  readonly folder: string;
}

const USAGE = `npm run cluster -- up                start it; it stays until \`down\`
npm run cluster -- kubectl ARGS…     as its administrator
npm run cluster -- import FILE.tar   give it an image (docker save, OCI), without a registry
npm run cluster -- status
npm run cluster -- down              end it and remove every trace of it, and of clusters whose process was killed
With KUBECONFIG set, kubectl and status speak to that cluster.
`;

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Null where it is no longer held; another cluster may have its name by now. */
const stateNow = async (): Promise<ClusterState | null> => {
  if (!existsSync(STATE)) return null;
  const state = JSON.parse(readFileSync(STATE, 'utf8')) as ClusterState;
  return (await claimantOf(state.name)) === state.pid ? state : null;
};

const describe = ({ kubeconfig, hostAddress, folder }: ClusterState): string => {
  const given = {
    KUBECONFIG: kubeconfig,
    [HOST_VARIABLE]: hostAddress,
    [IMPORT_VARIABLE]: `'${importCommand(containerdSocket(folder)).join(' ')}'`,
  };
  const environment = Object.entries(given).map(([name, value]) => `${name}=${value}`);
  return `  npm run cluster -- kubectl get pods -A\n  ${environment.join(' ')} npm run test:cluster`;
};

/** Holds the cluster until it is told to end. */
const hold = async (): Promise<void> => {
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  const began = Date.now();
  const say = (line: string): void => {
    if (process.connected) process.send?.(`[${((Date.now() - began) / 1000).toFixed(1)} s] ${line}`);
  };
  await using cluster = await startCluster({ say });
  const { kubeconfig, hostAddress, folder } = cluster;
  const state: ClusterState = { name: cluster.network.name, pid: process.pid, kubeconfig, hostAddress, folder };
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(STATE, JSON.stringify(state));
  if (process.connected) process.disconnect();
  await asked;
};

const up = async (): Promise<number> => {
  const running = await stateNow();
  if (running !== null) {
    print(`● The cluster is up already\n${describe(running)}`);
    return 0;
  }
  clusterPrograms();
  mkdirSync(dirname(STATE), { recursive: true });
  const logFile = join(dirname(STATE), 'cluster.log');
  const log = openSync(logFile, 'w', 0o600);
  const holder = spawn(process.execPath, [import.meta.filename, 'hold'], { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  holder.on('message', (line) => print(String(line)));
  await new Promise<void>((resolve) => holder.once('disconnect', resolve));
  holder.unref();
  const state = await stateNow();
  print(state === null ? `The cluster did not come up:\n${readFileSync(logFile, 'utf8')}` : `● The cluster is up\n${describe(state)}`);
  return state === null ? 1 : 0;
};

const down = async (): Promise<number> => {
  const state = await stateNow();
  if (state === null) print('No cluster of this clone is up.');
  else {
    process.kill(state.pid, 'SIGTERM');
    await until('the cluster is down', async () => (await claimantOf(state.name)) !== state.pid, 60_000);
    print('The cluster is down.');
  }
  rmSync(STATE, { force: true });
  for (const name of await sweepClusters()) print(`Removed ${name}, whose process had been killed.`);
  return 0;
};

const needState = async (): Promise<ClusterState> => {
  const state = await stateNow();
  if (state === null) throw new ClusterMissingError('none is up; start it by `npm run cluster -- up`');
  return state;
};

const kubectl = async (args: readonly string[]): Promise<number> => {
  const kubeconfig = process.env.KUBECONFIG ?? (await needState()).kubeconfig;
  const { exitCode } = await execa(clusterPrograms().kube, ['kubectl', ...args], {
    stdio: 'inherit',
    env: { KUBECONFIG: kubeconfig },
    reject: false,
  });
  return exitCode ?? 1;
};

const bringImage = async (file: string | undefined): Promise<number> => {
  if (file === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  await importImage(containerdSocket((await needState()).folder), file);
  return 0;
};

const status = async (): Promise<number> => {
  if (process.env.KUBECONFIG === undefined) print(`● The cluster is up\n${describe(await needState())}`);
  return kubectl(['get', 'nodes,pods', '--all-namespaces']);
};

const run = async ([command, ...args]: readonly string[]): Promise<number> => {
  switch (command) {
    case 'up':
      return up();
    case 'hold':
      await hold();
      return 0;
    case 'down':
      return down();
    case 'kubectl':
      return kubectl(args);
    case 'import':
      return bringImage(args[0]);
    case 'status':
      return status();
    default:
      process.stderr.write(USAGE);
      return 2;
  }
};

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterMissingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
