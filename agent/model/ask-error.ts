import type { FailureReason } from '../../tasks/failure.ts';

/**
 * Why one attempt to get an answer failed. All but `final` and `too_long` (for the model's context) may be asked again:
 * `rate_limited` (429), `unavailable` (5xx, 408, a broken connection), `timed_out` (silence), `unparsable` (not the protocol).
 */
export type AskErrorKind = 'rate_limited' | 'unavailable' | 'timed_out' | 'unparsable' | 'too_long' | 'final';

const REASONS: Record<AskErrorKind, FailureReason> = {
  rate_limited: 'MODEL_RATE_LIMITED',
  unavailable: 'MODEL_UNAVAILABLE',
  timed_out: 'MODEL_TIMEOUT',
  unparsable: 'MODEL_PROTOCOL',
  too_long: 'MODEL_REFUSED',
  final: 'MODEL_REFUSED',
};

export class AskError extends Error {
  override readonly name = 'AskError';
  readonly kind: AskErrorKind;
  /** What the task fails for if this attempt was the last. */
  readonly reason: FailureReason;
  /** When the endpoint wants to be asked again. */
  readonly retryAfterMs: number | null;
  constructor(
    kind: AskErrorKind,
    detail: string,
    facts: { reason?: FailureReason; retryAfterMs?: number | null } = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.kind = kind;
    this.reason = facts.reason ?? REASONS[kind];
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}
