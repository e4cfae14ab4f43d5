import { ARTIFACTS, type Artifact } from '../tasks/artifacts.ts';
import { FAILURES, type TaskFailure } from '../tasks/failure.ts';
import type { EgressEntry } from '../tasks/ports/egress-ledger.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { RunRecord } from '../tasks/run.ts';
import { PHASES } from '../tasks/status.ts';
import { repositoryOf, type TaskRecord } from '../tasks/task.ts';
import type { ArtifactView, TaskSummary, TaskView } from '../tasks/task-view.ts';

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

const showFailure = ({ reason, detail }: TaskFailure): TaskSummary['failure'] => ({ reason, ...FAILURES[reason], detail });

const showRun = (run: RunRecord): TaskView['runs'][number] => ({
  id: run.id,
  kind: run.kind,
  epoch: run.epoch,
  phase: run.phase,
  outcome: run.completion?.outcome ?? null,
  checkpoint: run.checkpoint === null ? null : { seq: run.checkpoint.seq, turn: run.checkpoint.turn },
  created_at: iso(run.created_at),
  granted_at: isoOrNull(run.granted_at),
  ended_at: isoOrNull(run.ended_at),
});

const showEgress = (entry: EgressEntry): TaskView['egress'][number] => ({ ...entry, at: iso(entry.at) });

const showTimings = (timings: TaskRecord['timings']): TaskView['timings'] => {
  const shown: TaskView['timings'] = {};
  for (const phase of PHASES) {
    const at = timings[phase];
    if (at !== undefined) shown[phase] = iso(at);
  }
  return shown;
};

/** Where a task is found in the API. */
export const taskPath = (id: string): string => `/v1/tasks/${id}`;

export const showArtifact = (taskId: string, { name, size_bytes, sha256 }: Artifact): ArtifactView => ({
  name,
  size_bytes,
  sha256,
  content_type: ARTIFACTS[name],
  url: `${taskPath(taskId)}/artifacts/${name}`,
});

/** A task as lists show it. */
export const showSummary = (task: TaskRecord): TaskSummary => {
  const self = taskPath(task.id);
  return {
    id: task.id,
    status: task.status,
    phase: task.phase,
    waiting_for: task.waiting_for,
    cancel_requested: task.cancel_requested,
    failure: task.failure === null ? null : showFailure(task.failure),
    repo: repositoryOf(task.spec),
    commit: task.commit,
    mode: task.spec.mode,
    title: task.spec.prompt.trim().split('\n', 1)[0]?.slice(0, 120) ?? '',
    labels: task.spec.labels ?? {},
    verification: task.verification,
    created_at: iso(task.created_at),
    started_at: isoOrNull(task.started_at),
    finished_at: isoOrNull(task.finished_at),
    updated_at: iso(task.updated_at),
    links: { self, events: `${self}/events`, logs: `${self}/logs`, artifacts: `${self}/artifacts`, diff: `${self}/diff` },
  };
};

/** What is known of a task beside its row. */
export type TaskDetails = Pick<TaskView, 'usage' | 'runs' | 'egress'>;

export const readDetails = async (stores: Pick<Stores, 'ledger' | 'runs' | 'egress'>, id: string): Promise<TaskDetails> => {
  const [usage, runs, egress] = await Promise.all([stores.ledger.usage(id), stores.runs.list(id), stores.egress.list(id)]);
  return {
    usage: {
      input_tokens: usage.input_tokens,
      output_tokens: usage.output_tokens,
      cost_usd: usage.cost_micros === null ? null : usage.cost_micros / 1e6,
      turns: usage.turns,
    },
    runs: runs.map(showRun),
    egress: egress.map(showEgress),
  };
};

/** A task with all that is known of it. */
export const showTask = (task: TaskRecord, details: TaskDetails): TaskView => ({
  ...showSummary(task),
  source: task.spec.source,
  prompt: task.spec.prompt,
  model: task.spec.model ?? null,
  limits: task.spec.limits,
  ...details,
  timings: showTimings(task.timings),
  artifacts: task.artifacts.map((artifact) => showArtifact(task.id, artifact)),
});
