export interface FailureKind {
  /** One line for a list. */
  readonly title: string;
  /** What the user or the operator can do about it. */
  readonly remedy: string;
  /** Whether submitting the same task again unchanged may succeed. */
  readonly retryable: boolean;
}
