/** What COS answered in place of what it was asked for. Holds nothing of the request. */
export class CosAnswerError extends Error {
  override readonly name = 'CosAnswerError';
  readonly status: number;
  /** Empty where the answer had no body. */
  readonly code: string;
  readonly requestId: string;
  /** The server's clock, null where it told none. */
  readonly serverTimeMs: number | null;
  constructor(answer: {
    readonly status: number;
    readonly code: string;
    readonly requestId: string;
    readonly serverTimeMs: number | null;
  }) {
    super(`COS answered ${answer.status} ${answer.code} (request ${answer.requestId})`);
    this.status = answer.status;
    this.code = answer.code;
    this.requestId = answer.requestId;
    this.serverTimeMs = answer.serverTimeMs;
  }
}

/** The connection failed, was silent or came to its end too early; what was asked may have been done. */
export class CosConnectionError extends Error {
  override readonly name = 'CosConnectionError';
}

/** The bytes aren't what they should be by checksum or length. */
export class CosDamageError extends Error {
  override readonly name = 'CosDamageError';
}

/** Our clock was wrong; it has been set by the server's, and the same request may succeed now. */
export class CosClockError extends Error {
  override readonly name = 'CosClockError';
}

/** Codes of answers that pass by themselves, whatever their status: completions may fail behind a 200. */
const PASSING = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable', 'RequestTimeout', 'RequestTimeOut']);

/** Whether the same request may succeed when it is made again. */
export const mayPass = (error: unknown): boolean =>
  error instanceof CosConnectionError ||
  error instanceof CosDamageError ||
  error instanceof CosClockError ||
  (error instanceof CosAnswerError && (error.status >= 500 || error.status === 429 || PASSING.has(error.code)));
