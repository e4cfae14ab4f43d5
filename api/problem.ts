import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { FAILURES, type FailureReason } from '../tasks/failure.ts';

/** What each code means, whatever the case at hand. Reasons that a task would fail for keep their words from `FAILURES`. */
const PROBLEMS = {
  UNAUTHENTICATED: {
    status: 401,
    title: 'No valid API key',
    remedy: 'Send `Authorization: Bearer <key>`; `codebay up` names the key file.',
  },
  HOST_REFUSED: { status: 421, title: 'Not a host of this station', remedy: 'Use localhost, or set CODEBAY_PUBLIC_URL.' },
  NOT_FOUND: { status: 404, title: 'Not found', remedy: 'Check the address; tasks are seen by their owner alone.' },
  INVALID_REQUEST: { status: 400, title: 'The request cannot be understood', remedy: 'Correct what the detail names.' },
  INVALID_BODY: { status: 422, title: 'A field of the body is not valid', remedy: 'Correct what the detail names.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The media type is not supported',
    remedy: 'Send application/json, or multipart/form-data with `task` first, then `code`.',
  },
  BODY_TOO_LARGE: { status: 413, title: 'The request body is too large', remedy: 'Send less; the detail names the limit.' },
  ZIP_TOO_LARGE: {
    status: 413,
    title: 'The zip is too large',
    remedy: 'Leave large files out, or ask the operator to raise CODEBAY_MAX_ZIP_MB.',
  },
  PRICE_UNKNOWN: {
    status: 422,
    title: 'A cost limit needs a price',
    remedy: 'Use limits.tokens, or ask the operator to set CODEBAY_MODEL_PRICES.',
  },
  MODEL_UNKNOWN: { status: 422, title: 'The model is not offered here', remedy: 'Leave `model` out, or name one that the detail lists.' },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    title: 'The Idempotency-Key was used for another body',
    remedy: 'Use a new key for a new task.',
  },
  IDEMPOTENCY_IN_PROGRESS: {
    status: 409,
    title: 'A request with this Idempotency-Key is still at work',
    remedy: 'Wait as long as Retry-After says and send it again.',
    retryable: true,
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests in this minute',
    remedy: 'Wait as long as Retry-After says; follow tasks by their event stream instead of polling.',
    retryable: true,
  },
  TOO_MANY_SUBMISSIONS: {
    status: 429,
    title: 'Too many submissions in this minute',
    remedy: 'Wait as long as Retry-After says, or ask the operator to raise CODEBAY_OWNER_SUBMISSIONS_PER_MINUTE.',
    retryable: true,
  },
  TOO_MANY_TASKS: {
    status: 429,
    title: 'Too many unfinished tasks',
    remedy: 'Wait until some have ended, cancel some, or ask the operator to raise CODEBAY_OWNER_MAX_TASKS.',
    retryable: true,
  },
  MESSAGE_ID_REUSED: { status: 422, title: 'The message id was used for another text', remedy: 'Use a new id, or none.' },
  TASK_FINISHED: { status: 409, title: 'The task is finished', remedy: 'Submit a new task.' },
  TASK_NOT_FINISHED: { status: 409, title: 'The task is not finished', remedy: 'Wait for its end, or cancel it first.', retryable: true },
  NOT_READY: { status: 404, title: 'Not there yet', remedy: 'Follow the task and ask again when it has finished.', retryable: true },
  ERASED: { status: 410, title: 'The task was erased', remedy: 'Submit it again under a new Idempotency-Key.' },
  EVENTS_EXPIRED: { status: 410, title: 'These events are no longer kept', remedy: 'Go on from the number that the detail names.' },
  STORE_UNAVAILABLE: { status: 503, title: 'The store does not answer', remedy: 'Try again shortly.', retryable: true },
  OBJECTS_UNAVAILABLE: { status: 503, title: 'The object store does not answer', remedy: 'Try again shortly.', retryable: true },
  ENGINE_UNAVAILABLE: { status: 503, title: 'The workflow engine does not answer', remedy: 'Try again shortly.', retryable: true },
  INTERNAL: { status: 500, title: 'The station failed', remedy: 'Report it with the request id.', retryable: true },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string; remedy: string; retryable?: boolean }>;

type ApiCode = keyof typeof PROBLEMS;
export type ProblemCode = ApiCode | 'INVALID_TASK' | 'UNSUPPORTED' | 'SOURCE_REFUSED';

export interface ProblemKind {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly remedy: string;
  readonly retryable?: boolean;
}

const isApiCode = (code: ProblemCode): code is ApiCode => Object.hasOwn(PROBLEMS, code);
const failureKind = (reason: FailureReason): ProblemKind => ({ status: 422, ...FAILURES[reason] });

/** Thrown by routes and middleware; `app.onError` answers it as problem+json. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: ProblemCode;
  readonly kind: ProblemKind;
  /** Sent as `Retry-After`, in whole seconds. */
  readonly retryAfterMs: number | undefined;
  constructor(code: ProblemCode, detail: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(detail, options);
    this.code = code;
    this.kind = isApiCode(code) ? PROBLEMS[code] : failureKind(code);
    this.retryAfterMs = options?.retryAfterMs;
  }
}
