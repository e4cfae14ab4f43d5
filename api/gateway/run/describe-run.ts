import { DEFAULT_TASK_LIMITS } from '../../../tasks/limits.ts';
import type { Blob, Checkpoint, RunRecord } from '../../../tasks/run.ts';
import type { RunDescription } from '../../../tasks/run-protocol.ts';
import type { AdmittedRun } from '../admission.ts';
import type { GatewayOptions } from '../options.ts';

const newestFirst = (runs: readonly RunRecord[]): RunRecord[] => runs.toSorted((a, b) => b.epoch - a.epoch);

/** Where a successor goes on: the newest checkpoint of the earlier runs of its kind that didn't succeed. */
const resumeOf = ({ run, runs }: AdmittedRun): Checkpoint | null =>
  newestFirst(runs).find(
    (other) => other.kind === run.kind && other.epoch < run.epoch && other.completion?.outcome !== 'succeeded' && other.checkpoint !== null,
  )?.checkpoint ?? null;

/** What the newest completed agent run says it changed. */
const patchOf = ({ run, runs }: AdmittedRun): Blob | null => {
  if (run.kind !== 'verify') return null;
  const completed = newestFirst(runs).find((other) => other.kind === 'agent' && other.completion !== null);
  const artifact = completed?.completion?.artifacts.find(({ name }) => name === 'diff.patch');
  const patch = artifact ?? completed?.checkpoint?.delta ?? null;
  return patch === null || patch.size_bytes === 0 ? null : { sha256: patch.sha256, size_bytes: patch.size_bytes };
};

/** Seconds that the earlier runs of the same kind held a slot. */
const usedSeconds = ({ run, runs }: AdmittedRun): number =>
  runs
    .filter((other) => other.kind === run.kind && other.epoch < run.epoch && other.granted_at !== null && other.ended_at !== null)
    .reduce((sum, { granted_at, ended_at }) => sum + ((ended_at ?? 0) - (granted_at ?? 0)) / 1000, 0);

/** All that a run needs to know to begin. */
export const describeRun = (admitted: AdmittedRun, options: GatewayOptions): RunDescription => {
  const { task, run } = admitted;
  const { spec } = task;
  const limits = { ...DEFAULT_TASK_LIMITS, ...spec.limits };
  return {
    run_id: run.id,
    task_id: task.id,
    kind: run.kind,
    prompt: spec.prompt,
    mode: spec.mode,
    ...(spec.setup === undefined ? {} : { setup_script: spec.setup.script }),
    ...(options.agentCommands.length === 0 ? {} : { agent_commands: [...options.agentCommands] }),
    subfolder: spec.source.subfolder ?? null,
    verify_command: spec.verify?.command ?? null,
    model: spec.model ?? options.models[0] ?? '',
    limits: {
      time_seconds: Math.max(1, Math.ceil(limits.time_seconds - usedSeconds(admitted))),
      setup_seconds: limits.setup_seconds,
      steps: limits.steps,
      tokens: limits.tokens,
    },
    model_retry_seconds: options.modelRetryMs / 1000,
    model_timeout_seconds: options.modelTimeoutMs / 1000,
    resume: resumeOf(admitted),
    patch: patchOf(admitted),
    artifact_bytes: options.artifactBytes,
  };
};
