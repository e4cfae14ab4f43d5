import { APIError } from 'openai/core/error';
import { FAILURES, type FailureReason, isFailureReason } from '../../tasks/failure.ts';
import { CONTEXT_LENGTH_EXCEEDED } from '../../tasks/run-protocol.ts';
import { AskError, type AskErrorKind } from './ask-error.ts';

const DETAIL_CHARS = 600;

/** Milliseconds that a `Retry-After` (seconds or an HTTP date) or `retry-after-ms` header asks for; null without a usable one. */
export const retryAfterMs = (headers: Headers | undefined, now: number): number | null => {
  const exact = headers?.get('retry-after-ms');
  if (exact && Number.isFinite(Number(exact))) return Math.max(0, Number(exact));
  const value = headers?.get('retry-after');
  if (!value) return null;
  const delay = Number.isFinite(Number(value)) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(delay) ? Math.max(0, delay) : null;
};

/** Where the status alone decides the reason. */
const reasonOfStatus = (status: number | undefined): FailureReason | undefined => {
  if (status === 401 || status === 403) return 'MODEL_AUTH';
  if (status === 402) return 'BUDGET_EXHAUSTED';
  return undefined;
};

/** An error without a status came inside a stream that had begun with 200. */
const kindOfStatus = (status: number | undefined): AskErrorKind => {
  if (status === 429) return 'rate_limited';
  if (status === undefined || status === 408 || status >= 500) return 'unavailable';
  return 'final';
};

/**
 * Names what went wrong with one attempt, from the status, the error code and the kind of error, never from a message.
 * A code that is a `FailureReason` (our gateway's) decides; one that isn't retryable ends the asking whatever the status.
 */
export const classifyAskError = (error: unknown, now: number): AskError => {
  if (error instanceof AskError) return error;
  if (error instanceof SyntaxError) return new AskError('unparsable', 'the answer is not JSON', {}, { cause: error });
  if (error instanceof APIError) {
    const status: number | undefined = error.status;
    const own = typeof error.code === 'string' && isFailureReason(error.code) ? error.code : undefined;
    const isFinal = own !== undefined && !FAILURES[own].retryable;
    const kind = error.code === CONTEXT_LENGTH_EXCEEDED ? 'too_long' : isFinal ? 'final' : kindOfStatus(status);
    const reason = own ?? reasonOfStatus(status);
    const headers: Headers | undefined = error.headers;
    const detail = error.message.slice(0, DETAIL_CHARS);
    return new AskError(kind, detail, { ...(reason ? { reason } : {}), retryAfterMs: retryAfterMs(headers, now) }, { cause: error });
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new AskError('unavailable', `the connection broke: ${detail.slice(0, DETAIL_CHARS)}`, {}, { cause: error });
};
