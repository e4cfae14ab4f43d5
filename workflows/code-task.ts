import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { TaskEnding } from '../activities/contract.ts';
import type { Artifact } from '../tasks/artifacts.ts';
import { isTaskId } from '../tasks/ids.ts';
import { DEFAULT_MODE } from '../tasks/limits.ts';
import type { CodeTaskInput } from '../tasks/spec.ts';
import type { Verification } from '../tasks/task.ts';
import { slotOffered } from './messages.ts';
import { createProgress, type Progress } from './progress.ts';
import { bookkeeping, output, source } from './proxies.ts';
import { runToEnd, type SlotOffer } from './run-to-end.ts';
import { taskFailureOf } from './task-failure.ts';

export interface CodeTaskResult {
  readonly status: 'COMPLETED';
  readonly verification: Verification | null;
  readonly artifacts: readonly Artifact[];
}

/**
 * One task from its registration to its end. The workflow id is the task id.
 * COMPLETED ends as Completed, FAILED as Failed with the reason as its type, CANCELLED as Canceled.
 */
export async function codeTask(input: CodeTaskInput): Promise<CodeTaskResult> {
  const { workflowId: taskId } = workflowInfo();
  if (!isTaskId(taskId))
    throw ApplicationFailure.nonRetryable(`The workflow id must match the form of a task id: ${taskId}`, 'INVALID_TASK');
  const slotOffer: SlotOffer = { made: false };
  setHandler(slotOffered, () => {
    slotOffer.made = true;
  });

  const { admission, facts } = await register(taskId, input);
  const progress = createProgress(taskId, facts);
  let verification: Verification | null = null;
  try {
    if (admission === 'cancelled') await CancellationScope.current().cancelRequested;
    await work(taskId, input, progress, slotOffer);
    verification = await verify(taskId, input, progress, slotOffer);
  } catch (error) {
    const ending: TaskEnding = isCancellation(error)
      ? { task_id: taskId, status: 'CANCELLED', failure: null, verification }
      : { task_id: taskId, status: 'FAILED', failure: taskFailureOf(error), verification };
    await finish(ending, progress);
    throw ending.failure ? ApplicationFailure.nonRetryable(ending.failure.detail, ending.failure.reason) : error;
  }
  const artifacts = await finish({ task_id: taskId, status: 'COMPLETED', failure: null, verification }, progress);
  await condition(allHandlersFinished);
  return { status: 'COMPLETED', verification, artifacts };
}

/** Done even for a task that is cancelled already, so that its row gets the end as well. What a Temporal client started may lack what has a default. */
const register = async (taskId: string, input: CodeTaskInput) => {
  const { admission, repo, owner } = await CancellationScope.nonCancellable(() =>
    bookkeeping.registerTask({ task_id: taskId, input }),
  ).catch((error: unknown) => {
    const { reason, detail } = taskFailureOf(error);
    throw ApplicationFailure.nonRetryable(detail, reason);
  });
  if (admission === 'closed') throw ApplicationFailure.nonRetryable('This task id has ended or was erased.', 'TERMINATED');
  return { admission, facts: { repo, owner, mode: input.spec.mode ?? DEFAULT_MODE } };
};

const work = async (taskId: string, { spec }: CodeTaskInput, progress: Progress, slotOffer: SlotOffer): Promise<void> => {
  await progress.enter('RESOLVING');
  const { commit, branch = null } = await source.resolveSource({ task_id: taskId, spec });
  await progress.enter('DOWNLOADING_CODE', { commit, branch });
  await source.stageCode({ task_id: taskId, spec, commit });
  const end = await runToEnd({ taskId, kind: 'agent', spec, progress, slotOffer });
  if (end.state === 'failed') throw ApplicationFailure.nonRetryable(end.detail, end.reason);
};

/** Runs the task's verify command on base + patch in a run of its own; what can't be shown stays unverified. */
const verify = async (taskId: string, { spec }: CodeTaskInput, progress: Progress, slotOffer: SlotOffer): Promise<Verification | null> => {
  if (!spec.verify) return null;
  const { command } = spec.verify;
  const end = await runToEnd({ taskId, kind: 'verify', spec, progress, slotOffer });
  if (end.state === 'failed' || end.exit_code === null) return { status: 'unverified', command, exit_code: null, detail: end.detail };
  return { status: end.exit_code === 0 ? 'passed' : 'failed', command, exit_code: end.exit_code, detail: end.detail };
};

/** Keeps what there is, writes the end and cleans up, whatever is cancelled meanwhile. */
const finish = (ending: TaskEnding, progress: Progress): Promise<readonly Artifact[]> =>
  CancellationScope.nonCancellable(async () => {
    await progress.enter('COLLECTING');
    const { artifacts } = await output.collectOutputs(ending);
    await output.finishTask({ ...ending, artifacts, revision: progress.close(ending.status, ending.failure?.reason ?? null) });
    return artifacts;
  });
