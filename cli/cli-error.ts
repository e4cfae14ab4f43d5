/** What the command's exit code says; documented in `codebay --help`. */
export const EXIT = {
  done: 0,
  /** The task failed, a check found a problem, or the command was refused. */
  failed: 1,
  usage: 2,
  /** The station can't be reached, refuses the key, or is up already. */
  station: 3,
  cancelled: 4,
} as const;

/** A refusal that is for the user: one line of what is wrong and, where there is one, what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly remedy: string;
  readonly exitCode: number;
  constructor(message: string, remedy = '', exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}
