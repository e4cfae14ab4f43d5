import { ReplyError } from 'ioredis';

/** Whether the server answered, if only to refuse: it is full, say, or loading. */
export const isRefusal = (error: unknown): boolean => error instanceof ReplyError;

/** What may be logged of an error: its code. The client's errors carry the whole command, a password or a task with it. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  if (isRefusal(error)) return /^[A-Z]+\b/.exec(error.message)?.[0] ?? 'refused';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
};
