import type { RunExit } from '../../tasks/run.ts';
import { partOf } from '../pod/parts.ts';
import type { SeenContainer, SeenPod } from './objects.ts';

/** How long a run may take to begin, since a pod that waits does so for ever. */
export interface StartBounds {
  /** For a node to be found: an autoscaler takes minutes. */
  readonly pendingMs: number;
  /** For whatever else keeps failing: the pod's creation, the image's pull, a container's configuration. */
  readonly startMs: number;
}

const UNPULLABLE = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
];
/** What no time heals. */
const HOPELESS = ['InvalidImageName', 'ErrImageNeverPull'];
const UNSTARTABLE = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'CrashLoopBackOff'];

const since = ({ status, metadata }: SeenPod, condition: string): number =>
  Date.parse(status.conditions.find(({ type }) => type === condition)?.lastTransitionTime ?? metadata.creationTimestamp);

const ofWaiting = ({ name, state }: SeenContainer, waitedMs: number, { startMs }: StartBounds): RunExit | null => {
  const { reason, message } = state.waiting ?? { reason: '', message: '' };
  if (waitedMs < startMs && !HOPELESS.includes(reason)) return null;
  const detail = `${reason} for ${partOf(name)}: ${message}`;
  if (UNPULLABLE.includes(reason)) return { exitCode: null, cause: 'image_pull', detail };
  return UNSTARTABLE.includes(reason) ? { exitCode: null, cause: 'not_started', detail } : null;
};

/** Why a pod that has not begun never will, once it has had its time; null where it may still begin, or has. */
export const notStarted = (pod: SeenPod, bounds: StartBounds, now: number): RunExit | null => {
  const scheduled = pod.status.conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const waitedMs = now - since(pod, 'PodScheduled');
    return waitedMs > bounds.pendingMs
      ? { exitCode: null, cause: 'unschedulable', detail: `No node takes the run: ${scheduled.message}` }
      : null;
  }
  for (const container of pod.status.containerStatuses) {
    const end = ofWaiting(container, now - since(pod, 'PodScheduled'), bounds);
    if (end !== null) return end;
  }
  return null;
};
