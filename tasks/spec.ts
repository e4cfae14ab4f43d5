import { z } from 'zod';
import { TASK_ID_PATTERN } from './ids.ts';
import { DEFAULT_MODE, MAX_TASK_LIMITS, PROMPT_MAX_BYTES } from './limits.ts';

export const MODES = ['explain', 'modify', 'review', 'pull_request'] as const;

/** A folder inside the repository: relative, no `..`, forward slashes. */
const subfolder = z
  .string()
  .max(1024)
  .regex(/^(?!\/)(?!.*(^|\/)\.{1,2}(\/|$))[^\\\0]+$/, 'must be a relative path inside the repository, without . or ..');

const gitSource = z.strictObject({
  type: z.literal('git'),
  /** Only https, and hosts that the operator allowed; checked again, with DNS, by `resolveSource`. */
  url: z.string().min(1).max(2048),
  /** Branch, tag or full commit id; the default branch where absent. Never starts with a dash. */
  ref: z
    .string()
    .min(1)
    .max(255)
    .regex(/^(?!-)[^\s\0~^:?*[\\]+$/, 'must be a branch, a tag or a full commit id')
    .optional(),
  subfolder: subfolder.optional(),
});

/** The zip itself stands in the object store under `uploadKey(task id)`. */
const zipSource = z.strictObject({ type: z.literal('zip'), subfolder: subfolder.optional() });

const limits = z.strictObject({
  /** Wall time of a run, queueing and set-up excluded; the successor of a lost run has it anew. */
  time_seconds: z.int().min(1).max(MAX_TASK_LIMITS.time_seconds).optional(),
  setup_seconds: z.int().min(1).max(MAX_TASK_LIMITS.setup_seconds).optional(),
  /** Model turns. */
  steps: z.int().min(1).max(MAX_TASK_LIMITS.steps).optional(),
  /** Input and output tokens together. */
  tokens: z.int().min(1).max(MAX_TASK_LIMITS.tokens).optional(),
  cost_usd: z.number().positive().max(MAX_TASK_LIMITS.cost_usd).optional(),
});

/** What a user asks for. This is the wire form everywhere: HTTP, Kafka, SDK and the workflow's input. */
export const taskSpecSchema = z.strictObject({
  source: z.discriminatedUnion('type', [gitSource, zipSource]),
  prompt: z
    .string()
    .min(1)
    .refine((text) => text.trim() !== '', 'must not be blank')
    .refine((text) => Buffer.byteLength(text) <= PROMPT_MAX_BYTES, `must be at most ${PROMPT_MAX_BYTES} bytes of UTF-8`),
  mode: z.enum(MODES).default(DEFAULT_MODE),
  /** `script: null` skips set-up; absent: `setup.sh` or `.codebay/setup.sh` where there is one. */
  setup: z.strictObject({ script: subfolder.nullable() }).optional(),
  /** A shell command that must succeed on base + patch in a clean run. */
  verify: z.strictObject({ command: z.string().min(1).max(4096) }).optional(),
  limits: limits.optional(),
  labels: z
    .record(z.string().regex(/^[a-zA-Z0-9._/-]{1,63}$/), z.string().max(255))
    .refine((all) => Object.keys(all).length <= 16, 'at most 16 labels')
    .optional(),
  /** One of the station's models; its default where absent. */
  model: z.string().min(1).max(128).optional(),
});

export type TaskSpec = z.output<typeof taskSpecSchema>;
export type TaskSource = TaskSpec['source'];
export type TaskMode = TaskSpec['mode'];

/** Databases compare owners without their trailing spaces, so they have none. */
export const ownerSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 visible ASCII characters');

/** The input of the workflow `codeTask`. The workflow id is the task id. */
export const codeTaskInputSchema = z.strictObject({
  version: z.literal(1),
  spec: taskSpecSchema,
  /** Whose task it is; a start made directly by a Temporal client may leave it out. */
  owner: ownerSchema.optional(),
});

export type CodeTaskInput = z.output<typeof codeTaskInputSchema>;

export const taskIdSchema = z.string().regex(TASK_ID_PATTERN);
