export interface ExpiredPage {
  readonly taskIds: readonly string[];
  /** Opaque; null where no more follow. */
  readonly nextCursor: string | null;
}

/** What may be forgotten. */
export interface Retention {
  /** Tasks that ended before this time (milliseconds since 1970), those that ended first come first. An unknown cursor throws `InvalidCursorError`. */
  expired(endedBefore: number, limit: number, cursor?: string): Promise<ExpiredPage>;
  /** Removes Idempotency-Keys that are no longer kept for anybody; returns how many. */
  forgetKeys(): Promise<number>;
}
