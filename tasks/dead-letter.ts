import type { Refusal } from './admission.ts';

/** Why a message can't become a task, and what its sender can do about it. */
export const DEAD_LETTER_REASONS = {
  EMPTY: 'The message has no value. Tasks are cancelled through the API.',
  TOO_LARGE: 'The message is larger than a task may be.',
  NOT_JSON: 'The value is not JSON in UTF-8.',
  ID_MISSING: 'Neither the value nor the key has an id.',
  INVALID_TASK: 'A field is not valid; the detail names it.',
  OWNER_UNVERIFIED: 'The headers do not prove whose task it is.',
  ZIP_UNSUPPORTED: 'A zip is uploaded through the API.',
  IDEMPOTENCY_MISMATCH: 'The id belongs to a task with other fields.',
  ERASED: 'The task of this id was erased.',
  UNSUPPORTED: 'The station cannot do that yet.',
  MODEL_UNKNOWN: 'The model is not offered here.',
  PRICE_UNKNOWN: 'A cost limit needs a price.',
  SOURCE_REFUSED: 'The repository address is not allowed.',
} as const satisfies Record<Refusal['code'], string> & Record<string, string>;

export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS;

/** Thrown where a message can never become a task, however often it is read. */
export class DeadLetterError extends Error {
  override readonly name = 'DeadLetterError';
  readonly reason: DeadLetterReason;
  constructor(reason: DeadLetterReason, detail: string = DEAD_LETTER_REASONS[reason]) {
    super(detail);
    this.reason = reason;
  }
}
