export interface Backend {
  readonly name: string;
  readonly url: string;
}

export interface Backends {
  /** What Codebay's processes get to use them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly shown: readonly Backend[];
}

/** The servers of the production profile that stand in place of the data folder's own. Ended by `stack`, in the reverse order. */
export const startBackends = async (_stack: AsyncDisposableStack): Promise<Backends> => ({ settings: {}, shown: [] });
