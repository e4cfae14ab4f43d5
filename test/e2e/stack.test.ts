import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer } from '../../demo/git-server.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { createClient } from '../../sdk/index.ts';
import { isTerminal } from '../../tasks/status.ts';
import { describeWith } from '../servers/available.ts';
import { openStack } from '../servers/stack/open-stack.ts';
import { createHeldTurns } from '../support/held-turns.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

describeWith(['nginx'], 'npm run stack', () => {
  test('a task submitted through nginx survives the death of a replica and of a worker', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'codebay-git-'));
    cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
    await makeRepository(join(import.meta.dirname, '../../demo/project'), folder, 'project');
    const git = await startGitServer({ root: folder });
    cleanUp.defer(() => git.close());
    const turns = createHeldTurns([{ calls: [{ name: 'shell', arguments: { command: 'ls' } }] }, { text: 'Done.' }]);
    const model = await startScriptedModel(turns.script);
    cleanUp.defer(() => model.close());
    const env = {
      ...process.env,
      OPENAI_BASE_URL: model.url,
      CODEBAY_MODELS: 'scripted',
      CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host,
      // The run of a worker that is told to end goes on.
      CODEBAY_RUNS_ON_SHUTDOWN: 'leave',
    };
    const stack = cleanUp.use(await openStack(env, () => undefined));
    const client = createClient(stack);
    turns.hold(1);
    const { id } = await client.submit({ source: { type: 'git', url: `${git.url}/project.git` }, prompt: 'Look', mode: 'explain' });
    await turns.untilAsked(1);
    await Promise.all([stack.workers[0]?.kill(), stack.apis[0]?.kill()]);
    turns.release(1);
    const done = await until(
      'the task has ended',
      async () => {
        const task = await client.get(id);
        return isTerminal(task.status) && task;
      },
      90_000,
    );
    expect(done.status).toBe('COMPLETED');
    // The turn whose gateway died may have been asked again; the one that was answered wasn't.
    expect(turns.asked.filter((turn) => turn === 0)).toHaveLength(1);
  }, 150_000);
});
