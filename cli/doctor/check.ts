/** What one look at the machine found. `warning`: it works, but worse than it could. */
export interface Finding {
  readonly state: 'ok' | 'warning' | 'broken';
  readonly what: string;
  /** How to mend it; empty where nothing is wrong. */
  readonly remedy: string;
}

export const ok = (what: string): Finding => ({ state: 'ok', what, remedy: '' });
export const warning = (what: string, remedy: string): Finding => ({ state: 'warning', what, remedy });
export const broken = (what: string, remedy: string): Finding => ({ state: 'broken', what, remedy });

/** One thing that the doctor looks at. */
export interface Check {
  readonly name: string;
  readonly look: () => Promise<Finding>;
}
