import { z } from 'zod';
import { ARTIFACTS, type ArtifactName } from './artifacts.ts';
import { newEventSchema } from './events.ts';
import { FAILURES, type FailureReason } from './failure.ts';
import type { RunKind } from './ids.ts';
import { MODES } from './spec.ts';

/*
 * What a run's sidecar and the gateway say to each other. Every request carries `Authorization: Bearer <identity>`.
 *
 *   GET  /run                    RunDescription
 *   GET  /run/code               the staged code: a tar, zstd-compressed
 *   GET  /run/blobs/{sha256}     a blob of this task's runs (resume: delta and transcript; verify: the patch)
 *   PUT  /run/blobs/{sha256}     204; the body's hash must match; 413 over the cap
 *   POST /run/setup              SetupRequest -> SetupDecision (setup-protocol.ts): begins `setup`, with its secrets and egress; 403 afterwards
 *   POST /run/setup/lease        SetupLease: the builder of a cached set-up is still at it, or is done
 *   GET  /run/setup/snapshots/{id}                what another run's set-up made: a tar, zstd-compressed; during `setup` only
 *   PUT  /run/setup/snapshots/{id}?sha256={hash}  what this run's set-up made; during `setup` only, before any agent
 *   POST /run/phase              {phase: agent}: closes egress and set-up secrets for this run for good
 *   POST /run/events             RunEvents; idempotent by source_seq
 *   POST /run/checkpoints        CheckpointReport; 409 from a run that is no longer current
 *   GET  /run/messages?after=N   {messages: [{seq, id, text}]}, waiting up to 20 s for one
 *   POST /run/complete           CompletionReport; closes the run
 *   POST /llm/v1/chat/completions, POST /llm/v1/responses, GET /llm/v1/models
 *        as OpenAI's; `x-codebay-turn` names the model turn. Errors are OpenAI's shape, with `error.code` a FailureReason where one fits.
 *   CONNECT host:port, and absolute-form HTTP requests: the egress proxy, `Proxy-Authorization: Bearer <identity>`, during `setup` only.
 *
 * A refused identity is 401 everywhere; a run that is closed, or whose epoch is over, is 409 everywhere.
 */

/** OpenAI's `error.code` for a request that is longer than the model's context; the one code that the gateway passes on. */
export const CONTEXT_LENGTH_EXCEEDED = 'context_length_exceeded';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const blob = z.strictObject({ sha256, size_bytes: z.int().min(0) });
const keysOf = <K extends string>(table: Record<K, unknown>): [K, ...K[]] => Object.keys(table) as [K, ...K[]];

const checkpointShape = { seq: z.int().min(1), turn: z.int().min(0), delta: blob.nullable(), transcript: blob.nullable() };

export const runDescriptionSchema = z.object({
  run_id: z.string(),
  task_id: z.string(),
  kind: z.enum(['agent', 'verify'] satisfies [RunKind, RunKind]),
  prompt: z.string(),
  mode: z.enum(MODES),
  /** Relative to the code; null: no set-up; undefined: the default names are looked for. */
  setup_script: z.string().nullable().optional(),
  /** What the agent's commands may begin with; absent: anything. */
  agent_commands: z.array(z.string()).optional(),
  /** The agent's working folder inside the code; null: its root. */
  subfolder: z.string().nullable(),
  verify_command: z.string().nullable(),
  model: z.string(),
  /** Seconds that are left to the task when the run starts. */
  limits: z.object({ time_seconds: z.number(), setup_seconds: z.number(), steps: z.int(), tokens: z.int() }),
  model_retry_seconds: z.number(),
  model_timeout_seconds: z.number(),
  /** The successor of a lost run goes on from here. */
  resume: z.object({ run_id: z.string(), ...checkpointShape }).nullable(),
  /** For verifying runs: the patch to check; null where the agent changed nothing. */
  patch: blob.nullable(),
  artifact_bytes: z.int(),
});
export type RunDescription = z.output<typeof runDescriptionSchema>;

export const runEventsSchema = z.strictObject({
  events: z
    .array(z.object({ source_seq: z.int().min(1), at: z.int(), event: newEventSchema }))
    .min(1)
    .max(500),
});
export type RunEvents = z.output<typeof runEventsSchema>;

export const checkpointReportSchema = z.strictObject(checkpointShape);
export type CheckpointReport = z.output<typeof checkpointReportSchema>;

export const phaseReportSchema = z.strictObject({ phase: z.literal('agent') });

export const completionReportSchema = z.strictObject({
  outcome: z.enum(['succeeded', 'failed', 'interrupted']),
  reason: z.enum(keysOf(FAILURES) satisfies FailureReason[]).nullable(),
  detail: z.string().max(16_384),
  exit_code: z.int().nullable(),
  artifacts: z.array(blob.extend({ name: z.enum(keysOf(ARTIFACTS) satisfies ArtifactName[]) })).max(16),
});
export type CompletionReport = z.output<typeof completionReportSchema>;

export const runMessagesSchema = z.object({ messages: z.array(z.object({ seq: z.int(), id: z.string(), text: z.string() })) });

/** `/app/task.json`: what the agent is told. Readable by the agent; holds no secret. */
export const agentTaskSchema = z.object({
  id: z.string(),
  prompt: z.string(),
  mode: z.enum(MODES),
  /** Absolute folders as the agent sees them. */
  code: z.string(),
  working_folder: z.string(),
  output: z.string(),
  limits: z.object({ time_seconds: z.number(), steps: z.int(), tokens: z.int() }),
  model: z.string(),
  model_retry_seconds: z.number(),
  model_timeout_seconds: z.number(),
  /** What commands may begin with, word by word; absent: anything. */
  commands: z.array(z.string()).optional(),
  /** A file with the last model request of the run before; its workspace has been restored. Null on a first run. */
  resume_from: z.string().nullable(),
});
export type AgentTask = z.output<typeof agentTaskSchema>;

/** `/app/output/result.json`: what the agent says of itself. Untrusted. */
export const agentResultSchema = z.object({
  status: z.enum(['completed', 'failed']),
  reason: z.string().nullable(),
  detail: z.string(),
  steps: z.int(),
});
export type AgentResult = z.output<typeof agentResultSchema>;
