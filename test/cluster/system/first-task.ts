import { join } from 'node:path';
import { prove } from '../../../demo/prove.ts';
import { scriptedAnswers } from '../../../demo/scripted-answers.ts';
import { inSystem } from './in-system.ts';
import { logOf, repositoryWith, runTask, untilNothingLeft } from './tasks.ts';

const TEST_COMMAND = 'node --test';

export const firstTask = (): void => {
  inSystem('a task goes in through nginx and comes out COMPLETED, with a diff that mends the project', async (system) => {
    const url = await repositoryWith(system, {});
    const task = await runTask(system, scriptedAnswers(TEST_COMMAND), { url, verify: { command: TEST_COMMAND } });
    expect(task).toMatchObject({
      status: 'COMPLETED',
      failure: null,
      verification: { status: 'passed', exit_code: 0 },
      runs: [
        { kind: 'agent', epoch: 1, outcome: 'succeeded' },
        { kind: 'verify', outcome: 'succeeded' },
      ],
    });
    const proof = await prove({
      repository: join(system.beside.gitRoot, url.split('/').at(-1) ?? ''),
      commit: task.commit ?? '',
      patch: await system.client.diff(task.id),
      argv: [process.execPath, '--test'],
      folder: system.folder,
    });
    expect(proof).toEqual({ onBase: 1, onPatched: 0 });
    expect(task.artifacts.map(({ name }) => name).sort()).toEqual(
      [
        'agent.log',
        'diff.patch',
        'explanation.md',
        'llm_response.txt',
        'prompt.txt',
        'result.json',
        'transcript.jsonl',
        'verify.log',
      ].sort(),
    );
    expect(await logOf(system, task.id, 'explanation.md')).toContain('The minus of a duration');
    await untilNothingLeft(system, task.id);
  });
};
