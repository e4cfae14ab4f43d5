import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPodCompartment } from '../../platform/pod/compartment.ts';
import { executorOf, POD_GID, POD_UIDS } from '../../platform/pod/layout.ts';
import { type Cgroups, entriesOf, makeCgroups, removeCgroups } from '../../platform/sandbox/cgroup.ts';
import type { CompartmentPaths } from '../../tasks/ports/compartment.ts';
import { CONTRACT_DISK_BYTES } from './compartment-contract.ts';
import { INSTALL, NODE } from './sandbox-run.ts';

const isRoot = process.geteuid?.() === 0;
const CONTAINERS = ['agent', 'tools'] as const;
type Container = (typeof CONTAINERS)[number];
type Environment = Readonly<Record<string, string>>;

/** As the kubelet gives it: root's, of the shared group, open to every uid of the pod. */
const makeVolume = async (path: string): Promise<string> => {
  await mkdir(path);
  if (isRoot) await chown(path, 0, POD_GID);
  await chmod(path, 0o2777);
  return path;
};

/** The container's own cgroups at their usual place, as a container runtime mounts them. */
const SEE_CGROUPS = `
  while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift
  exec unshare --mount --cgroup -- sh -c '
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount -t cgroup2 none /sys/fs/cgroup
    else mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory
    fi
    exec "$@"' sh "$@"`;

const own = ['setpriv', '--reuid', String(POD_UIDS.agent), '--regid', String(POD_GID), '--clear-groups'];
const drop = [...own, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--pdeathsig', 'KILL', '--'];
/** An executor empties its shared memory, which must not be the machine's. */
const OWN_MEMORY = 'for folder in /dev/shm /dev/mqueue; do [ ! -d $folder ] || mount -t tmpfs -o mode=1777 none $folder || exit; done';
const inUserNamespace = isRoot ? [] : ['--user', '--map-current-user', '--keep-caps'];
const withoutCapabilities = isRoot ? drop : ['setpriv', '--ambient-caps=-all', '--inh-caps=-all', '--'];
const isolated = [
  ...['unshare', ...inUserNamespace, '--pid', '--ipc', '--mount', '--fork', '--kill-child', '--mount-proc', '--'],
  ...['sh', '-c', `${OWN_MEMORY}; exec "$@"`, 'sh', ...withoutCapabilities],
];

/**
 * Starts an executor as its container would, whose image has the home folder in its PATH: in a process namespace of its own, under the agent's uid
 * where the test is root.
 */
const startExecutor = (container: Container, control: string, home: string, cgroups: Cgroups | null, env: Environment): ChildProcess => {
  const { command, environment } = executorOf(container);
  const argv = [...isolated, ...command.slice(0, -1), control];
  const [program = '', ...args] = cgroups === null ? argv : ['sh', '-c', SEE_CGROUPS, 'sh', ...entriesOf(cgroups), '--', ...argv];
  return spawn(program, args, {
    env: {
      PATH: `${home}/.local/bin:${process.env.PATH}`,
      ...env,
      ...environment,
      KUBERNETES_SERVICE_HOST: 'canary',
      HOSTNAME: `pod-${control}`,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
};

/**
 * The volumes and both executors of a pod, without a pod: folders and processes of this machine. `env`: what the image sets; `at`: where the
 * folders stood in a pod that is removed.
 */
export const startPodContainers = async ({
  memoryBytes = null as number | null,
  start = true,
  install = INSTALL,
  env = {} as Environment,
  at = null as string | null,
} = {}) => {
  const root = at ?? (await mkdtemp('/tmp/cp-'));
  await mkdir(root, { recursive: true });
  await chmod(root, 0o755);
  const volume = (name: string) => makeVolume(join(root, name));
  const sockets = await volume('sockets');
  const control = { agent: await volume('control-agent'), tools: await volume('control-tools') };
  const tmp = await volume('tmp');
  const paths: CompartmentPaths = {
    ...{ code: await volume('code'), home: await volume('home'), output: await volume('output'), tmp, sideTmp: tmp },
    ...{ task: await volume('task'), side: await volume('side'), install, node: NODE, sockets: join(sockets, 'current') },
  };
  const cgroups = memoryBytes === null ? null : await makeCgroups(`codebay-test-${process.pid}`, { memoryBytes, processes: 256 });
  const boundsMemory = cgroups !== null && cgroups.memory !== null;
  const executors = new Map<Container, ChildProcess>();
  const exits = new Map<Container, Promise<unknown[]>>();
  const begin = (container: Container): void => {
    const child = startExecutor(container, control[container], paths.home, container === 'agent' && boundsMemory ? cgroups : null, env);
    executors.set(container, child);
    exits.set(container, once(child, 'exit'));
  };
  if (start) for (const container of CONTAINERS) begin(container);
  return {
    ...{ root, control, paths, sockets, begin },
    scratch: await volume('scratch'),
    boundsMemory,
    /** Ends an executor as the kernel would, and with it its container. */
    kill: (container: Container): void => void executors.get(container)?.kill('SIGKILL'),
    /** Resolves with the exit code of an executor's container. */
    exit: async (container: Container): Promise<unknown> => (await exits.get(container))?.[0],
    remove: async (): Promise<void> => {
      for (const child of executors.values()) child.kill('SIGKILL');
      await Promise.all(exits.values());
      if (cgroups !== null) await removeCgroups(cgroups);
      await rm(root, { recursive: true, force: true });
    },
  };
};

/** A pod's containers with their compartment, whose sidecar is the calling process. */
export const openPod = async (options?: Parameters<typeof startPodContainers>[0]) => {
  const containers = await startPodContainers(options);
  const { paths, control } = containers;
  const compartment = createPodCompartment({ paths, control, limits: { diskBytes: CONTRACT_DISK_BYTES } });
  return {
    ...containers,
    compartment,
    remove: async (): Promise<void> => {
      await compartment.destroy();
      await containers.remove();
    },
  };
};
