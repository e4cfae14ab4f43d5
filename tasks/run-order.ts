import { z } from 'zod';
import type { RunOrder } from './run.ts';

/** A run's order where it crosses a border as JSON. Its errors name fields, never values: one of them is the identity. */
export const runOrderSchema = z.object({
  runId: z.string().min(1),
  gatewayUrl: z.url({ protocol: /^https?$/ }),
  identity: z.string().min(1),
  limits: z.object({
    timeMs: z.number(),
    setupTimeMs: z.number(),
    memoryBytes: z.number(),
    processes: z.number(),
    diskBytes: z.number(),
    logBytes: z.number(),
  }),
  forbidden: z.array(z.string().regex(/^(?:\[[^\][]+\]|[^:\][]+):\d{1,5}$/, 'is not host:port')).optional(),
}) satisfies z.ZodType<RunOrder>;
