import { createHash } from 'node:crypto';
import { taskIdOfRun } from '../../tasks/ids.ts';
import type { PodVolume } from '../pod/layout.ts';

/**
 * The containers of a run: those of its pod (decision 11), and two of ours that run nothing of the run: `folders` readies its volumes before
 * anything else starts, `disk` ends where they have grown over their limit.
 */
export const DOCKER_PARTS = ['folders', 'disk', 'tools', 'agent', 'sidecar'] as const;
export type DockerPart = (typeof DOCKER_PARTS)[number];

/** On every container and volume of a run. */
export const LABELS = {
  station: 'codebay.dev/station',
  task: 'codebay.dev/task',
  run: 'codebay.dev/run',
  part: 'codebay.dev/part',
  /** When whoever started the run takes it to have outlived its limits, in milliseconds since 1970. */
  deadline: 'codebay.dev/deadline',
} as const;

/** What tells a station's runs from others' on the same engine: its installation and its data folder, as those of a station share one. */
export const stationOf = (installation: string, dataFolder: string): string =>
  `${installation}-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 8)}`;

export const containerName = (station: string, runId: string, part: DockerPart): string => `${station}-${runId}-${part}`;
export const volumeName = (station: string, runId: string, volume: PodVolume): string => `${station}-${runId}-${volume}`;

export const runLabels = (station: string, runId: string): Record<string, string> => ({
  [LABELS.station]: station,
  [LABELS.task]: taskIdOfRun(runId),
  [LABELS.run]: runId,
});

/** A filter of the engine's lists. */
export const labelled = (station: string, runId?: string): { readonly label: string[] } => ({
  label: [`${LABELS.station}=${station}`, ...(runId === undefined ? [] : [`${LABELS.run}=${runId}`])],
});
