import { z } from 'zod';
import { ARTIFACTS, type ArtifactName } from './artifacts.ts';
import { FAILURES, type FailureReason } from './failure.ts';
import { MODES, taskSpecSchema } from './spec.ts';
import { PHASES, STATUSES, WAITS } from './status.ts';

/*
 * A task as the API shows it. Times are ISO 8601 in UTC.
 */

const keysOf = <K extends string>(table: Record<K, unknown>): [K, ...K[]] => Object.keys(table) as [K, ...K[]];
const time = z.iso.datetime();

export const failureViewSchema = z.object({
  reason: z.enum(keysOf(FAILURES) satisfies FailureReason[]),
  title: z.string(),
  remedy: z.string(),
  retryable: z.boolean(),
  detail: z.string(),
});

export const artifactViewSchema = z.object({
  name: z.enum(keysOf(ARTIFACTS) satisfies ArtifactName[]),
  size_bytes: z.int(),
  sha256: z.string(),
  content_type: z.string(),
  url: z.string(),
});

const verification = z.object({
  status: z.enum(['passed', 'failed', 'unverified']),
  command: z.string().nullable(),
  exit_code: z.int().nullable(),
  detail: z.string(),
});

const run = z.object({
  id: z.string(),
  kind: z.enum(['agent', 'verify']),
  epoch: z.int(),
  phase: z.enum(['fetching', 'setup', 'agent', 'closed']),
  /** What the run said at its end; null while it runs, and for one that vanished. */
  outcome: z.enum(['succeeded', 'failed', 'interrupted']).nullable(),
  /** The newest state that a successor could go on from. */
  checkpoint: z.object({ seq: z.int(), turn: z.int() }).nullable(),
  created_at: time,
  granted_at: time.nullable(),
  ended_at: time.nullable(),
});

const egress = z.object({
  run_id: z.string(),
  host: z.string(),
  port: z.int(),
  address: z.string().nullable(),
  decision: z.enum(['allowed', 'refused']),
  reason: z.string(),
  bytes_up: z.int(),
  bytes_down: z.int(),
  at: time,
});

/** A task in a list. */
export const taskSummarySchema = z.object({
  id: z.string(),
  status: z.enum(STATUSES),
  phase: z.enum(PHASES).nullable(),
  waiting_for: z.enum(WAITS).nullable(),
  cancel_requested: z.boolean(),
  failure: failureViewSchema.nullable(),
  /** Host and path of the repository, or `zip`. */
  repo: z.string(),
  /** The pinned commit; null for zips and before it is known. */
  commit: z.string().nullable(),
  mode: z.enum(MODES),
  /** The first line of the prompt, at most 120 characters. */
  title: z.string(),
  labels: z.record(z.string(), z.string()),
  verification: verification.nullable(),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  updated_at: time,
  links: z.object({ self: z.string(), events: z.string(), logs: z.string(), artifacts: z.string(), diff: z.string() }),
});
export type TaskSummary = z.output<typeof taskSummarySchema>;

export const taskViewSchema = taskSummarySchema.extend({
  source: taskSpecSchema.shape.source,
  prompt: z.string(),
  model: z.string().nullable(),
  limits: taskSpecSchema.shape.limits,
  /** Settled and reserved amounts; `cost_usd` is null where the model has no configured price. */
  usage: z.object({ input_tokens: z.int(), output_tokens: z.int(), cost_usd: z.number().nullable(), turns: z.int() }),
  /** When each phase was first entered. */
  timings: z.partialRecord(z.enum(PHASES), time),
  runs: z.array(run),
  /** Every connection that set-up asked for, newest last. */
  egress: z.array(egress),
  artifacts: z.array(artifactViewSchema),
});
export type TaskView = z.output<typeof taskViewSchema>;
export type ArtifactView = z.output<typeof artifactViewSchema>;

export const taskPageSchema = z.object({ data: z.array(taskSummarySchema), next_cursor: z.string().nullable() });
export type TaskPage = z.output<typeof taskPageSchema>;

export const artifactListSchema = z.object({ data: z.array(artifactViewSchema) });
