/** One connection that set-up asked for. */
export interface EgressEntry {
  readonly run_id: string;
  readonly host: string;
  readonly port: number;
  /** The address connected to; null where refused before that. */
  readonly address: string | null;
  readonly decision: 'allowed' | 'refused';
  readonly reason: string;
  readonly bytes_up: number;
  readonly bytes_down: number;
  readonly at: number;
}

/** Every connection through the egress proxy, refused ones too. */
export interface EgressLedger {
  record(taskId: string, entry: EgressEntry): Promise<void>;
  /** Newest last; at most 1,000. */
  list(taskId: string): Promise<readonly EgressEntry[]>;
}
