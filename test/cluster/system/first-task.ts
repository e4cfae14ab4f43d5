import { join } from 'node:path';
import { scriptedAnswers } from '../../../demo/scripted-answers.ts';
import { expectMended, TEST_COMMAND } from '../../support/mended.ts';
import { inSystem } from './in-system.ts';
import { logOf, repositoryWith, runTask, untilNothingLeft } from './tasks.ts';

export const firstTask = (): void => {
  inSystem('a task goes in through nginx and comes out COMPLETED, with a diff that mends the project', async (system) => {
    const url = await repositoryWith(system, {});
    const task = await runTask(system, scriptedAnswers(TEST_COMMAND), { url, verify: { command: TEST_COMMAND } });
    const { client, beside, folder } = system;
    await expectMended(task, { client, repository: join(beside.gitRoot, url.split('/').at(-1) ?? ''), folder });
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
