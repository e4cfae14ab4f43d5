import { CodebayError } from '../sdk/index.ts';
import { CliError, EXIT } from './cli-error.ts';
import { paint, remark } from './terminal.ts';

const exitCodeOf = (problemStatus: number): number =>
  problemStatus === 0 || problemStatus === 401 || problemStatus >= 500 ? EXIT.station : EXIT.failed;

/** Says on stderr what went wrong in one line with its remedy, never a stack, and returns the exit code. */
export const reportError = (error: unknown): number => {
  const say = (message: string, remedy: string): void =>
    remark(`${paint('red', 'codebay:', process.stderr)} ${[message, remedy].filter((part) => part !== '').join(' ')}`);
  if (error instanceof CliError) {
    say(error.message, error.remedy);
    return error.exitCode;
  }
  if (error instanceof CodebayError) {
    say(error.message, '');
    return exitCodeOf(error.problem.status);
  }
  say(error instanceof Error ? error.message : String(error), 'If this looks like a defect, report it with the command you typed.');
  return EXIT.failed;
};
