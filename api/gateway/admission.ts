import { taskIdOfRun } from '../../tasks/ids.ts';
import type { Stores } from '../../tasks/ports/stores.ts';
import type { RunRecord } from '../../tasks/run.ts';
import { verifyRunIdentity } from '../../tasks/run-identity.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { GatewayError } from './gateway-error.ts';

/** A run as its request found it. */
export interface AdmittedRun {
  readonly task: TaskRecord;
  readonly run: RunRecord;
  /** All runs of the task, this one too, oldest first. */
  readonly runs: readonly RunRecord[];
}

/** Whether the run may still do anything: open, and no later run of its kind has begun. */
export const isCurrent = (runId: string, runs: readonly RunRecord[]): boolean => {
  const run = runs.find(({ id }) => id === runId);
  if (run === undefined || run.phase === 'closed' || run.ended_at !== null) return false;
  return !runs.some((other) => other.kind === run.kind && other.epoch > run.epoch);
};

export const runOver = (detail: string): GatewayError => new GatewayError(409, 'RUN_OVER', detail);

export interface Admission {
  /** The run that a bearer token names; throws 401. */
  identify(authorization: string | null | undefined): string;
  /** The run with its task, whatever its phase; throws 409 where either is gone. */
  find(runId: string): Promise<AdmittedRun>;
  /** The same for runs that are current; throws 409 for all others. */
  admit(runId: string): Promise<AdmittedRun>;
}

/** The one place where a run's identity becomes a run. No other credential is known here. */
export const createAdmission = (deps: { readonly stores: Stores; readonly secret: string; readonly now: () => number }): Admission => {
  const find = async (runId: string): Promise<AdmittedRun> => {
    const taskId = taskIdOfRun(runId);
    const [task, runs] = await Promise.all([deps.stores.tasks.get(taskId), deps.stores.runs.list(taskId)]);
    const run = runs.find(({ id }) => id === runId);
    if (task === null || run === undefined) throw runOver('the station knows no such run');
    return { task, run, runs };
  };
  return {
    identify: (authorization) => {
      const token = /^Bearer ([^\s]{1,256})$/i.exec(authorization ?? '')?.[1];
      const identity = token === undefined ? null : verifyRunIdentity(deps.secret, token, deps.now());
      if (identity === null) throw new GatewayError(401, 'UNAUTHORIZED', 'a live run identity is needed');
      return identity.runId;
    },
    find,
    admit: async (runId) => {
      const admitted = await find(runId);
      if (isTerminal(admitted.task.status) || !isCurrent(runId, admitted.runs)) throw runOver('the run is over');
      return admitted;
    },
  };
};
