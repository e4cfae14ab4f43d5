import { z } from 'zod';
import { PHASES, STATUSES, WAITS } from './status.ts';

export const LOG_STREAMS = ['setup', 'agent', 'verify', 'system'] as const;

/** What can happen to a task, as its users see it. */
const payloads = {
  status: z.object({
    status: z.enum(STATUSES),
    phase: z.enum(PHASES).nullable(),
    waiting_for: z.enum(WAITS).nullable(),
    failure: z.object({ reason: z.string(), detail: z.string() }).nullable(),
  }),
  /** A piece of output, whole lines where the program wrote whole lines. */
  log: z.object({ stream: z.enum(LOG_STREAMS), text: z.string() }),
  model_turn: z.object({
    turn: z.int(),
    model: z.string(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    cost_usd: z.number().nullable(),
    replayed: z.boolean(),
  }),
  checkpoint: z.object({ seq: z.int(), turn: z.int() }),
  run: z.object({ run_id: z.string(), change: z.enum(['started', 'resumed', 'ended']), detail: z.string() }),
  message: z.object({ message_id: z.string(), text: z.string(), change: z.enum(['received', 'delivered']) }),
  /** What the station decided about a run's set-up script. */
  setup: z.object({
    run_id: z.string(),
    change: z.enum(['allowed', 'refused', 'restored']),
    script: z.string(),
    sha256: z.string(),
    detail: z.string(),
  }),
  egress: z.object({ host: z.string(), port: z.int(), decision: z.enum(['allowed', 'refused']), reason: z.string() }),
};

/** An event before it has its number. */
export const newEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), data: payloads.status }),
  z.object({ type: z.literal('log'), data: payloads.log }),
  z.object({ type: z.literal('model_turn'), data: payloads.model_turn }),
  z.object({ type: z.literal('checkpoint'), data: payloads.checkpoint }),
  z.object({ type: z.literal('run'), data: payloads.run }),
  z.object({ type: z.literal('message'), data: payloads.message }),
  z.object({ type: z.literal('egress'), data: payloads.egress }),
  z.object({ type: z.literal('setup'), data: payloads.setup }),
]);

export type NewEvent = z.output<typeof newEventSchema>;
export type EventType = NewEvent['type'];

/** An event of a task: `seq` counts up strictly within the task and never changes; `at` is milliseconds since 1970. */
export type TaskEvent = NewEvent & { readonly seq: number; readonly at: number; readonly source: string };
