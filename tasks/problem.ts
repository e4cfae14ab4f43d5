import { z } from 'zod';

/** Every error of the API: RFC 9457 with a stable code, a remedy and the id to look up in the log. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  remedy: z.string(),
  retryable: z.boolean(),
  request_id: z.string(),
});
export type Problem = z.output<typeof problemSchema>;
