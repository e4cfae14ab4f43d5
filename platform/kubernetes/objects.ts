import { z } from 'zod';

/** What the runner keeps of the API server's objects: as few fields as it judges by, since it holds all runs' in memory. */
const metadata = z.object({
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
});

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
  lastTransitionTime: z.string().nullish(),
});

export const jobSchema = z.object({
  metadata,
  status: z.object({ conditions: z.array(condition).default([]) }).default({ conditions: [] }),
});

const waiting = z.object({ reason: z.string().default(''), message: z.string().default('') });

const terminated = z.object({
  exitCode: z.int(),
  reason: z.string().default(''),
  /** The last lines of its log, where its `terminationMessagePolicy` says so. */
  message: z.string().default(''),
  finishedAt: z.string().nullish(),
});

const containerStatus = z.object({
  name: z.string(),
  state: z.object({ waiting: waiting.optional(), terminated: terminated.optional() }).default({}),
});

export const podSchema = z.object({
  metadata,
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: z.string().default(''),
      message: z.string().default(''),
      conditions: z.array(condition).default([]),
      containerStatuses: z.array(containerStatus).default([]),
    })
    .default({ phase: 'Pending', reason: '', message: '', conditions: [], containerStatuses: [] }),
});

export const eventSchema = z.object({
  reason: z.string().default(''),
  message: z.string().default(''),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
});

export const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().default(''), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullable(),
});

export type SeenJob = z.output<typeof jobSchema>;
export type SeenPod = z.output<typeof podSchema>;
export type SeenContainer = SeenPod['status']['containerStatuses'][number];
export type SeenEvent = z.output<typeof eventSchema>;
export type SeenCondition = z.output<typeof condition>;
