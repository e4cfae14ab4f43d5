import { FailureError } from '../tasks/failure.ts';
import type { Engine } from '../tasks/ports/engine.ts';
import type { StartOutbox } from '../tasks/ports/start-outbox.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { codeTaskInputSchema } from '../tasks/spec.ts';
import { isTerminal } from '../tasks/status.ts';
import { repositoryOf } from '../tasks/task.ts';
import type { BookkeepingActivities } from './contract.ts';

interface RegisterTaskDeps {
  readonly tasks: TaskStore;
  readonly outbox: StartOutbox;
  readonly engine: Pick<Engine, 'cancel'>;
  /** Whose the tasks are that a Temporal client starts without naming an owner. */
  readonly defaultOwner: string;
}

/** Every way into the station passes here: a start by the API finds its row, a start by a Temporal client is validated and gets one. */
export const createRegisterTask = ({ tasks, outbox, engine, defaultOwner }: RegisterTaskDeps): BookkeepingActivities['registerTask'] => {
  return async ({ task_id, input }) => {
    const parsed = codeTaskInputSchema.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new FailureError('INVALID_TASK', `${issue?.path.join('.') ?? 'input'}: ${issue?.message ?? 'not valid'}`);
    }
    const { spec, owner = defaultOwner } = parsed.data;
    if (spec.mode === 'pull_request')
      throw new FailureError('UNSUPPORTED', 'Pull requests are not built yet; use mode modify and apply diff.patch.');
    const repo = repositoryOf(spec);
    const inserted = await tasks.insert({ id: task_id, owner, spec });
    if (inserted === 'erased') return { admission: 'closed', repo, owner };
    await outbox.acknowledgeStart(task_id);
    const row = await tasks.get(task_id);
    if (row === null) return { admission: 'closed', repo, owner };
    if (row.cancel_requested) {
      await engine.cancel(task_id);
      return { admission: 'cancelled', repo, owner: row.owner };
    }
    return { admission: isTerminal(row.status) ? 'closed' : 'admitted', repo, owner: row.owner };
  };
};
