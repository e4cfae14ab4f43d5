import { prove } from '../../demo/prove.ts';
import type { CodebayClient } from '../../sdk/index.ts';
import type { TaskView } from '../../tasks/task-view.ts';

/** What the demo's project is verified by. */
export const TEST_COMMAND = 'node --test';

/** The task has mended the demo's project, verified: its tests fail on the base, and pass with the patch, in two fresh clones. */
export const expectMended = async (
  task: TaskView,
  { client, repository, folder }: { readonly client: Pick<CodebayClient, 'diff'>; readonly repository: string; readonly folder: string },
): Promise<void> => {
  expect(task).toMatchObject({
    status: 'COMPLETED',
    failure: null,
    verification: { status: 'passed', exit_code: 0 },
    runs: [
      { kind: 'agent', epoch: 1, outcome: 'succeeded' },
      { kind: 'verify', outcome: 'succeeded' },
    ],
  });
  const patch = await client.diff(task.id);
  const proof = await prove({ repository, commit: task.commit ?? '', patch, argv: [process.execPath, '--test'], folder });
  expect(proof).toEqual({ onBase: 1, onPatched: 0 });
};
