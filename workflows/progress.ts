import { ApplicationFailure, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { TaskPhase, TaskStatus, WaitingFor } from '../tasks/status.ts';
import type { TaskProgress } from '../tasks/task.ts';
import { bookkeeping } from './proxies.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

/** The workflow's pen: every write to the task's row takes the next revision, so that a late writer can't move a task back. */
export interface Progress {
  /** This and `waitFor` throw `TERMINATED` where the task has ended without this workflow. */
  enter(phase: TaskPhase, patch?: Partial<TaskProgress>): Promise<void>;
  waitFor(what: WaitingFor | null): Promise<void>;
  /** The revision of the last write, which the terminal activity makes. Shows the end to operators. */
  close(status: TaskStatus, failure: string | null): number;
}

/** `facts` never change; they are shown to operators together with the first phase. */
export const createProgress = (
  taskId: string,
  facts: { readonly repo: string; readonly mode: string; readonly owner: string },
): Progress => {
  let revision = 0;
  let current: TaskPhase | null = null;
  const close: Progress['close'] = (status, failure) => {
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: status },
      { key: SEARCH_ATTRIBUTES.phase, value: null },
      ...(failure === null ? [] : [{ key: SEARCH_ATTRIBUTES.failure, value: failure }]),
    ]);
    setCurrentDetails(failure === null ? `**${status}**` : `**${status}** · ${failure}`);
    return ++revision;
  };
  const record = async (patch: Partial<TaskProgress>): Promise<void> => {
    revision += 1;
    const row = await bookkeeping.recordProgress({ task_id: taskId, revision, patch });
    if (row?.closed === true) {
      close('FAILED', 'TERMINATED');
      throw ApplicationFailure.nonRetryable('This task has ended or was erased.', 'TERMINATED');
    }
    // After a reset the row is ahead of this workflow, which goes on from there.
    if (row !== undefined && row !== null && row.revision > revision) {
      revision = row.revision;
      await record(patch);
    }
  };
  return {
    close,
    async enter(phase, patch = {}) {
      if (current === phase) return;
      upsertSearchAttributes([
        ...(current === null
          ? [
              { key: SEARCH_ATTRIBUTES.status, value: 'PROCESSING' },
              { key: SEARCH_ATTRIBUTES.repo, value: facts.repo },
              { key: SEARCH_ATTRIBUTES.mode, value: facts.mode },
              { key: SEARCH_ATTRIBUTES.owner, value: facts.owner },
            ]
          : []),
        { key: SEARCH_ATTRIBUTES.phase, value: phase },
      ]);
      current = phase;
      setCurrentDetails(`**PROCESSING** · ${phase}`);
      await record({ ...patch, status: 'PROCESSING', phase, waiting_for: null });
    },
    async waitFor(what) {
      setCurrentDetails(what === null ? `**PROCESSING** · ${current}` : `**PROCESSING** · waits for a ${what}`);
      await record({ waiting_for: what });
    },
  };
};
