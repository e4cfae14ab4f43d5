import type { Usage } from '../usage.ts';

export interface Reservation {
  readonly taskId: string;
  readonly runId: string;
  readonly turn: number;
  /** Lower-case hex of the request that goes to the model. */
  readonly requestSha256: string;
  readonly model: string;
  /** The worst case: input estimate plus the output cap. */
  readonly tokens: number;
  readonly costMicros: number | null;
}

export interface BudgetLimits {
  readonly tokens: number;
  readonly costMicros: number | null;
}

export interface Settlement {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costMicros: number | null;
  /** `estimated`: the stream broke before the model told its usage. */
  readonly kind: 'reported' | 'estimated';
  /** Whether the whole answer stands under `turnKey` and may be replayed. */
  readonly journaled: boolean;
}

/** Tokens and money per task, exact over any number of processes: reserve the worst case, then settle. */
export interface Ledger {
  /** Checks (settled + reserved + asked) against the limits and reserves in one step. A cost of null counts as nothing. The id is for `settle`. */
  reserve(
    reservation: Reservation,
    limits: BudgetLimits,
  ): Promise<{ readonly granted: true; readonly id: string } | { readonly granted: false; readonly used: Usage }>;
  /** Idempotent: the first settlement of an id stands. */
  settle(id: string, settlement: Settlement): Promise<void>;
  /** The journaled settlement of exactly this request at this turn of the task, null where it has to be asked. */
  findJournaled(taskId: string, turn: number, requestSha256: string): Promise<Settlement | null>;
  /** Settles as estimated whatever a dead process left reserved for longer than `olderThanMs`; returns how many. */
  sweep(olderThanMs: number): Promise<number>;
  /** What is settled, estimates included; open reservations aren't spent yet. */
  usage(taskId: string): Promise<Usage>;
}
