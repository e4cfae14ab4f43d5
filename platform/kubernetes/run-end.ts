import type { RunExit, RunObservation } from '../../tasks/run.ts';
import { lastWordsOf } from '../pod/last-words.ts';
import { partOf, SIDECAR } from '../pod/parts.ts';
import { notStarted, type StartBounds } from './not-started.ts';
import type { SeenCondition, SeenContainer, SeenPod } from './objects.ts';
import type { SeenRun } from './run-watch.ts';

const UNSTARTABLE = ['StartError', 'ContainerCannotRun'];
/** How long the sidecar may go on after another part of its pod failed, to save what there is and say why. */
const LAST_WORDS_MS = 20_000;
/** A pod that is still there this long after its grace period has a node that doesn't answer. */
const NODE_LOST_MS = 30_000;

type Terminated = NonNullable<SeenContainer['state']['terminated']>;

const exit = (cause: RunExit['cause'], detail: string, exitCode: number | null = null): RunExit => ({
  exitCode,
  cause,
  detail: detail.trim(),
});

const isTrue = (conditions: readonly SeenCondition[], ...types: readonly string[]): SeenCondition | undefined =>
  conditions.find(({ type, status }) => status === 'True' && types.includes(type));

const terminatedOf = ({ status }: SeenPod, container: string): Terminated | undefined =>
  status.containerStatuses.find(({ name }) => name === container)?.state.terminated;

/** Which part failed for want of memory. A part that ended well although a command of its was killed has not failed. */
const starved = (pod: SeenPod): RunExit | null => {
  for (const { name, state } of pod.status.containerStatuses) {
    const { terminated } = state;
    if (terminated?.reason === 'OOMKilled' && terminated.exitCode !== 0)
      return exit('out_of_memory', `The memory limit was reached by ${partOf(name)}.`, terminated.exitCode);
  }
  return null;
};

/** A container whose program can't be executed: its image is no image for a run, and won't become one. */
const unstartable = (pod: SeenPod): RunExit | null => {
  for (const { name, state } of pod.status.containerStatuses) {
    const { terminated } = state;
    if (terminated !== undefined && UNSTARTABLE.includes(terminated.reason))
      return exit('not_started', `${terminated.reason} for ${partOf(name)}: ${terminated.message}`);
  }
  return null;
};

/** What ended the pod from outside: a drain, a preemption, a node under pressure. Its program's own exit code says nothing then. */
const disrupted = (pod: SeenPod): RunExit | null => {
  const disruption = isTrue(pod.status.conditions, 'DisruptionTarget');
  return disruption ? exit('evicted', `The cluster ended the run's pod (${disruption.reason}): ${disruption.message}`) : null;
};

/** The kubelet evicts a pod that outgrew a limit of its own without calling it a disruption: it would outgrow it again. */
const outgrown = ({ status }: SeenPod): RunExit | null =>
  status.reason === 'Evicted' && !isTrue(status.conditions, 'DisruptionTarget') ? exit('disk_full', status.message) : null;

const ofSidecar = (pod: SeenPod): RunExit | null => {
  const end = terminatedOf(pod, SIDECAR);
  if (end === undefined) return null;
  const lastWords = lastWordsOf(end.message);
  if (end.exitCode === 0) return lastWords ?? exit('finished', '', 0);
  // The sidecar sees that another part died, not why.
  return starved(pod) ?? lastWords ?? exit('finished', `The sidecar ended with exit code ${end.exitCode}. ${end.message}`, end.exitCode);
};

/** A part died and the sidecar, which should end the run for that, has not: it hangs, or nobody told it. */
const ofDeadPart = (pod: SeenPod, now: number): RunExit | null => {
  for (const { name, state } of pod.status.containerStatuses) {
    const { terminated } = state;
    if (name === SIDECAR || terminated === undefined || terminated.exitCode === 0) continue;
    if (now - Date.parse(terminated.finishedAt ?? '') < LAST_WORDS_MS) continue;
    return (
      starved(pod) ?? exit('lost', `While the run went on, exit code ${terminated.exitCode} ended ${partOf(name)}. ${terminated.message}`)
    );
  }
  return null;
};

/** A node turned it away, or it failed as a whole, before any part of it ran. */
const turnedAway = ({ status }: SeenPod): RunExit | null =>
  status.phase === 'Failed' && !status.containerStatuses.some(({ state }) => state.terminated)
    ? exit('lost', `The node did not run the pod (${status.reason}): ${status.message}`)
    : null;

const onLostNode = ({ metadata }: SeenPod, now: number): RunExit | null =>
  metadata.deletionTimestamp !== undefined && now - Date.parse(metadata.deletionTimestamp) > NODE_LOST_MS
    ? exit('evicted', 'The pod was to end, and its node did not say that it has: the node is lost.')
    : null;

const isOver = (pod: SeenPod): boolean =>
  pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded' || terminatedOf(pod, SIDECAR) !== undefined;

const ofPod = (pod: SeenPod, deadlineExceeded: RunExit | null, bounds: StartBounds, now: number): RunExit | null => {
  if (isOver(pod))
    return (
      disrupted(pod) ??
      outgrown(pod) ??
      deadlineExceeded ??
      ofSidecar(pod) ??
      starved(pod) ??
      turnedAway(pod) ??
      exit('lost', 'The pod failed.')
    );
  if (pod.metadata.deletionTimestamp !== undefined) return onLostNode(pod, now);
  return unstartable(pod) ?? ofDeadPart(pod, now) ?? notStarted(pod, bounds, now);
};

/** What is known of a run whose pod is gone, or never was. */
const ofJob = (condition: SeenCondition | undefined): RunExit | null => {
  if (condition === undefined) return null;
  if (condition.type === 'Complete' || condition.type === 'SuccessCriteriaMet') return exit('finished', '', 0);
  return exit('lost', `The run's pod is gone (${condition.reason}): ${condition.message}`);
};

/** Where a run stands by what the cluster shows of it: facts in, a verdict out. `now` is in milliseconds since 1970. */
export const observationOf = ({ job, pod }: SeenRun, bounds: StartBounds, now: number): RunObservation => {
  const ended = job ? isTrue(job.status.conditions, 'Complete', 'Failed', 'SuccessCriteriaMet', 'FailureTarget') : undefined;
  const deadlineExceeded = ended?.reason === 'DeadlineExceeded' ? exit('timed_out', 'The run outlived the time limit of its Job.') : null;
  if (job === null && pod === null) return { state: 'absent' };
  const end = pod ? ofPod(pod, deadlineExceeded, bounds, now) : (deadlineExceeded ?? ofJob(ended));
  return end ? { state: 'exited', exit: end } : { state: 'running' };
};

/** Nothing came of this Job for so long that its events have to say why. */
export const isWithoutPod = ({ job, pod }: SeenRun, bounds: StartBounds, now: number): boolean =>
  job !== null &&
  pod === null &&
  job.metadata.deletionTimestamp === undefined &&
  !isTrue(job.status.conditions, 'Complete', 'Failed') &&
  now - Date.parse(job.metadata.creationTimestamp) > bounds.startMs;
