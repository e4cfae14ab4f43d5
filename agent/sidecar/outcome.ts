import { type FailureReason, isFailureReason } from '../../tasks/failure.ts';
import type { CompartmentExit } from '../../tasks/ports/compartment.ts';
import type { AgentResult, CompletionReport } from '../../tasks/run-protocol.ts';

/** How a run came out, before its artifacts are known. */
export type Outcome = Omit<CompletionReport, 'artifacts'>;

export const failed = (reason: FailureReason, detail: string, exitCode: number | null = null): Outcome => ({
  outcome: 'failed',
  reason,
  detail,
  exit_code: exitCode,
});

export const succeeded = (detail: string, exitCode: number | null = null): Outcome => ({
  outcome: 'succeeded',
  reason: null,
  detail,
  exit_code: exitCode,
});

/** The facts that no program can explain away: limits it ran into. Null where it ended by itself. */
export const limitReached = (exit: CompartmentExit, what: string): Outcome | null => {
  switch (exit.cause) {
    case 'finished':
    case 'aborted':
      return null;
    case 'timed_out':
      return failed('TIMED_OUT', `${what} was still running when its time was over`, exit.exitCode);
    case 'out_of_memory':
      return failed('OUT_OF_MEMORY', `${what} used more memory than it may`, exit.exitCode);
    case 'disk_full':
      return failed('DISK_FULL', `${what} filled the run's disk`, exit.exitCode);
  }
};

/** What came of the agent: facts first, then its own word, then what the model said last. */
export const agentOutcome = (facts: {
  readonly exit: CompartmentExit;
  readonly result: AgentResult | null;
  /** The model's last answer, where it was an error. */
  readonly modelFailure: FailureReason | null;
  readonly lastLines: string;
}): Outcome => {
  const { exit, result, modelFailure, lastLines } = facts;
  const ownReason = result?.status === 'failed' && result.reason !== null && isFailureReason(result.reason) ? result.reason : null;
  const code = exit.exitCode;
  // An agent that still said why it failed was not the one that the kernel killed: one of its commands was, and it saw that.
  const limit = exit.cause === 'out_of_memory' && ownReason !== null ? null : limitReached(exit, 'the agent');
  if (limit !== null) return limit;
  if (code === 0 && result?.status === 'completed') return succeeded(result.detail, code);
  if (result !== null && ownReason !== null) return failed(ownReason, result.detail, code);
  const account = result === null ? `the agent exited with ${code} and left no result` : `the agent exited with ${code}: ${result.detail}`;
  return failed(modelFailure ?? 'AGENT_FAILED', `${account}\n${lastLines}`.trim(), code);
};
