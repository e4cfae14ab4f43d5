import type { Problem } from '../tasks/problem.ts';

const sentence = (text: string): string => (/[\w)\]"'`]$/.test(text) ? `${text}.` : text);

/** What the API refused, or how it could not be reached. `problem.code` is stable: match on it, never on the message. */
export class CodebayError extends Error {
  override readonly name = 'CodebayError';
  readonly problem: Problem;
  /** How long the API asks to wait before the next try; null where it doesn't say. */
  readonly retryAfterMs: number | null;
  constructor(problem: Problem, options?: ErrorOptions & { readonly retryAfterMs?: number | null }) {
    super([problem.detail, problem.remedy].map(sentence).join(' ').trim(), options);
    this.problem = problem;
    this.retryAfterMs = options?.retryAfterMs ?? null;
  }
}
