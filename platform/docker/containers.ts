import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { RunOrder } from '../../tasks/run.ts';
import { MEMORY_BYTES, volumeBytesOf } from '../pod/bounds.ts';
import {
  executorOf,
  POD_GID,
  POD_MOUNTS,
  POD_UIDS,
  POD_VOLUMES,
  type PodContainer,
  type PodMount,
  type PodVolume,
  SIDECAR_ENVIRONMENT,
  sidecarCommandOf,
} from '../pod/layout.ts';
import { GATEWAY_ALIAS } from './gateway-address.ts';
import { containerName, type DockerPart, LABELS, runLabels, volumeName } from './names.ts';

export interface ContainerOptions {
  readonly station: string;
  readonly images: { readonly sidecar: string; readonly agent: string };
  /** Cores that the agent's part and the sidecar's tools may use; no more than the engine has. */
  readonly cpus: number;
  /** The network that leads to the gateway; the sidecar's alone. */
  readonly network: string;
  /** In milliseconds since 1970. */
  readonly deadline: number;
}

const MiB = 1024 * 1024;
/** Of what is ours. */
const PROCESSES = 128;
/** What ended the container `disk` says that a folder is too large. */
export const DISK_FULL_CODE = 75;

const ALL_VOLUMES = Object.keys(POD_VOLUMES) as PodVolume[];
const DISK_VOLUMES = ALL_VOLUMES.filter((volume) => POD_VOLUMES[volume] === 'disk');
/** What programs of the run can fill. The task is ours and small, and scratch holds what has passed the limits on artifacts. */
const MEASURED_VOLUMES = DISK_VOLUMES.filter((volume) => volume !== 'task' && volume !== 'scratch');

const ownPath = (volume: PodVolume): string => `/volumes/${volume}`;
const ownMounts = (volumes: readonly PodVolume[], readOnly: boolean): PodMount[] =>
  volumes.map((volume) => ({ volume, path: ownPath(volume), readOnly }));

/** Where `folders` finds the place of the run's order. */
export const ORDER_FOLDER = ownPath('order');

/** The owner of a folder changes its group to its own without any capability. */
const READY_FOLDERS = `for folder; do chgrp ${POD_GID} "$folder" && chmod 2777 "$folder" || exit 1; done`;

interface Program {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly mounts: readonly PodMount[];
  readonly capabilities?: readonly string[];
}

const shell = (script: string, ...args: readonly string[]): readonly string[] => ['/bin/sh', '-c', script, 'sh', ...args];

const programOf = (part: DockerPart, { limits }: RunOrder, agentImage: string): Program => {
  switch (part) {
    case 'sidecar':
      // Its last words are what it writes to standard output; its log goes to standard error.
      return ofPod('sidecar', { command: [...sidecarCommandOf(agentImage), '/dev/stdout'], environment: SIDECAR_ENVIRONMENT });
    case 'agent':
    case 'tools':
      return ofPod(part, executorOf(part));
    case 'folders':
      return {
        command: shell(READY_FOLDERS, ...DISK_VOLUMES.map(ownPath)),
        environment: {},
        user: `0:${POD_GID}`,
        mounts: ownMounts(['order', ...DISK_VOLUMES], false),
      };
    case 'disk': {
      const script = readFileSync(join(import.meta.dirname, 'disk-watch.sh'), 'utf8');
      return {
        command: shell(script, String(Math.floor(limits.diskBytes / 1024)), ...MEASURED_VOLUMES.map(ownPath)),
        environment: {},
        user: `0:${POD_GID}`,
        mounts: ownMounts(MEASURED_VOLUMES, true),
        // A program of the run could hide what it wrote behind the mode of a folder.
        capabilities: ['DAC_READ_SEARCH'],
      };
    }
  }
};

const ofPod = (part: PodContainer, program: Pick<Program, 'command' | 'environment'>): Program => ({
  ...program,
  user: `${POD_UIDS[part]}:${POD_GID}`,
  mounts: POD_MOUNTS[part],
});

const boundsOf = (part: DockerPart, { limits }: RunOrder, cpus: number) => {
  switch (part) {
    case 'agent':
      return { memoryBytes: limits.memoryBytes, processes: limits.processes, cpus };
    case 'tools':
      return { memoryBytes: MEMORY_BYTES.tools, processes: PROCESSES, cpus };
    case 'sidecar':
      return { memoryBytes: MEMORY_BYTES.sidecar, processes: PROCESSES, cpus: Math.min(cpus, 1) };
    case 'folders':
    case 'disk':
      return { memoryBytes: 128 * MiB, processes: PROCESSES, cpus: Math.min(cpus, 0.25) };
  }
};

/** One container of a run, as the engine is asked to make it. Holds nothing secret. */
export const containerOf = (part: DockerPart, order: RunOrder, options: ContainerOptions): Docker.ContainerCreateOptions => {
  const { station, images, network, deadline } = options;
  const agentImage = order.image ?? images.agent;
  const { command, environment, user, mounts, capabilities = [] } = programOf(part, order, agentImage);
  const { memoryBytes, processes, cpus } = boundsOf(part, order, options.cpus);
  const [program = '', ...args] = command;
  return {
    name: containerName(station, order.runId, part),
    Image: part === 'agent' || part === 'tools' ? agentImage : images.sidecar,
    Labels: { ...runLabels(station, order.runId), [LABELS.part]: part, [LABELS.deadline]: String(deadline) },
    Entrypoint: [program],
    Cmd: args,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    User: user,
    WorkingDir: '/',
    StopSignal: 'SIGTERM',
    // An image of a repository's own could have something executed beside the executor.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: part === 'sidecar' ? network : 'none',
      ...(part === 'sidecar' && { ExtraHosts: [`${GATEWAY_ALIAS}:host-gateway`] }),
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: processes,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: [...capabilities],
      SecurityOpt: ['no-new-privileges'],
      IpcMode: 'private',
      RestartPolicy: { Name: 'no' },
      LogConfig: part === 'agent' || part === 'tools' ? { Type: 'none', Config: {} } : { Type: 'json-file', Config: { 'max-size': '1m' } },
      Mounts: mounts.map(({ volume, path, readOnly }) => ({
        Type: 'volume',
        Source: volumeName(station, order.runId, volume),
        Target: path,
        ReadOnly: readOnly,
        // Else what the image has at that path would decide whose the folder is.
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
      })),
    },
  };
};

/** A volume of a run. Volumes are the engine's own folders, never the user's, so that pipes and sockets work in them wherever the engine runs. */
export const volumeOf = (volume: PodVolume, { runId, limits }: RunOrder, station: string): Docker.VolumeCreateOptions => ({
  Name: volumeName(station, runId, volume),
  Labels: runLabels(station, runId),
  Driver: 'local',
  ...(POD_VOLUMES[volume] === 'memory' && {
    DriverOpts: {
      type: 'tmpfs',
      device: 'tmpfs',
      o: `size=${volumeBytesOf(volume, limits)},uid=0,gid=${POD_GID},mode=2777,nosuid,nodev,noexec`,
    },
  }),
});

export const volumesOf = (order: RunOrder, station: string): readonly Docker.VolumeCreateOptions[] =>
  ALL_VOLUMES.map((volume) => volumeOf(volume, order, station));
