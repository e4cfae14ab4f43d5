import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompartmentPaths } from '../../tasks/ports/compartment.ts';
import { SYSTEM_PATH } from '../system-path.ts';

/** `sidecar`: ours, with the run's identity. `agent`: set-up, the agent, the verify command. `tools`: the sidecar's own tools over the untrusted tree. */
export type PodContainer = 'sidecar' | 'agent' | 'tools';

/** `secret`: made for the run; `memory`: an emptyDir of medium Memory, a few MiB; `disk`: an emptyDir with a size limit. */
export type PodVolumeKind = 'secret' | 'memory' | 'disk';

export interface PodMount {
  readonly volume: PodVolume;
  readonly path: string;
  readonly readOnly: boolean;
}

/** Of every container, and `fsGroup`: what one uid makes in a shared volume, the other one reads by its group. */
export const POD_GID = 10_000;

/** `tools` has the agent's uid, so that it reads every file whatever mode the agent gave it. */
export const POD_UIDS: Readonly<Record<PodContainer, number>> = { sidecar: 10_001, agent: 10_002, tools: 10_002 };

export const POD_VOLUMES = {
  /** One file, `order.json`: a `RunOrder`. */
  order: 'secret',
  'control-agent': 'memory',
  'control-tools': 'memory',
  sockets: 'memory',
  task: 'disk',
  output: 'disk',
  scratch: 'disk',
  code: 'disk',
  home: 'disk',
  tmp: 'disk',
  side: 'disk',
  'tools-tmp': 'disk',
} as const satisfies Record<string, PodVolumeKind>;
export type PodVolume = keyof typeof POD_VOLUMES;

/** Where a run's folders appear to programs of a pod. */
export const POD_PATHS: CompartmentPaths = {
  code: '/app/code',
  home: '/app/home',
  output: '/app/output',
  tmp: '/tmp',
  task: '/app/task',
  install: '/opt/codebay',
  node: '/usr/local/bin/node',
  sockets: '/app/sockets/current',
  side: '/app/side',
  sideTmp: '/app/tmp',
};

/** Where the sidecar finds what is its own. */
export const SIDECAR_PATHS = {
  order: '/app/order/order.json',
  sockets: '/app/sockets',
  scratch: '/app/scratch',
  control: { agent: '/app/control/agent', tools: '/app/control/tools' },
  /** Its last words, where it isn't told another place: a `RunExit` as JSON, at most 4096 bytes. */
  lastWords: '/dev/termination-log',
} as const;

const writable = (volume: PodVolume, path: string): PodMount => ({ volume, path, readOnly: false });
const readOnly = (volume: PodVolume, path: string): PodMount => ({ volume, path, readOnly: true });

export const POD_MOUNTS: Readonly<Record<PodContainer, readonly PodMount[]>> = {
  sidecar: [
    readOnly('order', '/app/order'),
    writable('control-agent', SIDECAR_PATHS.control.agent),
    writable('control-tools', SIDECAR_PATHS.control.tools),
    writable('sockets', SIDECAR_PATHS.sockets),
    writable('task', POD_PATHS.task),
    readOnly('output', POD_PATHS.output),
    writable('scratch', SIDECAR_PATHS.scratch),
  ],
  agent: [
    writable('code', POD_PATHS.code),
    writable('home', POD_PATHS.home),
    writable('output', POD_PATHS.output),
    writable('tmp', POD_PATHS.tmp),
    readOnly('task', POD_PATHS.task),
    readOnly('sockets', SIDECAR_PATHS.sockets),
    writable('control-agent', SIDECAR_PATHS.control.agent),
  ],
  tools: [
    writable('code', POD_PATHS.code),
    writable('home', POD_PATHS.home),
    writable('output', POD_PATHS.output),
    writable('side', POD_PATHS.side),
    // Not the agent's: what it leaves there must not meet our tools.
    writable('tools-tmp', POD_PATHS.tmp),
    readOnly('tmp', POD_PATHS.sideTmp),
    writable('control-tools', SIDECAR_PATHS.control.tools),
  ],
};

/** The whole environment of the sidecar; its root is read-only. */
export const SIDECAR_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: SIDECAR_PATHS.scratch,
  TMPDIR: SIDECAR_PATHS.scratch,
  LANG: 'C.UTF-8',
};

/** What the sidecar's container runs, beside containers of `image`. */
export const sidecarCommandOf = (image: string): readonly string[] => [
  POD_PATHS.node,
  '--disable-warning=ExperimentalWarning',
  `${POD_PATHS.install}/agent/sidecar/pod.ts`,
  image,
];

/**
 * A shell as the first process: it reaps what programs orphan, and as such is deaf to SIGTERM, so that the sidecar decides when programs end.
 * The script travels by the environment, where `ps` doesn't show it to every agent that looks around; programs don't inherit it.
 */
const INIT = `/bin/sh -c 'eval "$EXECUTOR"' executor "$1" & wait "$!"`;

/**
 * What an executor's container runs. Its image needs `/bin/sh` and, where a system has its programs, GNU coreutils, git and tar. Exits with 0
 * once the sidecar says so, with 1 when the sidecar is gone.
 */
export const executorOf = (
  container: Exclude<PodContainer, 'sidecar'>,
): {
  readonly command: readonly string[];
  readonly environment: { readonly EXECUTOR: string; readonly FORGETS: string; readonly PATH?: string };
} => ({
  command: ['/bin/sh', '-c', INIT, 'init', SIDECAR_PATHS.control[container]],
  environment: {
    EXECUTOR: readFileSync(join(import.meta.dirname, 'executor.sh'), 'utf8'),
    // The containers of a pod share it, so that the tools' executor would take it from an agent at work.
    FORGETS: container === 'agent' ? 'yes' : '',
    // The image's own PATH may begin in the home folder, where the run's programs write.
    ...(container === 'tools' && { PATH: SYSTEM_PATH }),
  },
});
