/** What goes wrong with a request. */
export type Fault =
  /** It is answered with this error, its body read and thrown away. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** The connection is reset after so many bytes of the body, the request's or the answer's. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing moves any more after so many bytes, and the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The answer ends after so many bytes, as if that were all. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** It is done, and the connection is reset in place of the answer. */
  | { readonly kind: 'lost_reply' }
  /** A deletion of many objects leaves these, and says so. */
  | { readonly kind: 'refuse_keys'; readonly keys: RegExp; readonly code: string }
  /** The answer tells a wrong checksum. */
  | { readonly kind: 'wrong_crc' }
  /** One byte of the answer's body isn't what was stored. */
  | { readonly kind: 'damage' };

export interface FaultPlan {
  readonly method?: string;
  /** Matches the key; absent: any. */
  readonly key?: RegExp;
  /** A query parameter that is there. */
  readonly query?: string;
  /** How many matching requests fail; absent: all. */
  readonly times?: number;
  readonly fault: Fault;
}

interface Target {
  readonly method: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** Fault plans in the order they were made; the first that matches and isn't used up decides. */
export const createFaults = () => {
  const plans: { readonly plan: FaultPlan; left: number }[] = [];
  return {
    add: (plan: FaultPlan): void => {
      plans.push({ plan, left: plan.times ?? Number.POSITIVE_INFINITY });
    },
    clear: (): void => {
      plans.length = 0;
    },
    take: ({ method, key, query }: Target): Fault | null => {
      const found = plans.find(
        ({ plan, left }) =>
          left > 0 &&
          (plan.method ?? method) === method &&
          (plan.key === undefined || plan.key.test(key)) &&
          (plan.query === undefined || query.has(plan.query)),
      );
      if (found === undefined) return null;
      found.left -= 1;
      return found.plan.fault;
    },
  };
};
export type Faults = ReturnType<typeof createFaults>;
