/** What a task has spent so far, settled and reserved amounts apart. Money is integer micro-dollars. */
export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Null where a model without a configured price was used. */
  readonly cost_micros: number | null;
  readonly turns: number;
}

/** US dollars per million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
}
