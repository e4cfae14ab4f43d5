import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer } from '../../demo/git-server.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { prove } from '../../demo/prove.ts';
import { scriptedAnswers } from '../../demo/scripted-answers.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { startStation, temporaryDataDir } from '../support/station.ts';

const TEST_COMMAND = 'node --test';

test('a task submitted by the command line is completed, and its diff mends the project', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-e2e-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const dataDir = stack.use(await temporaryDataDir());
  const repository = await makeRepository(join(import.meta.dirname, '../../demo/project'), folder, 'tidewatch');
  const git = await startGitServer({ root: folder });
  stack.defer(() => git.close());
  const model = await startScriptedModel(scriptedAnswers(TEST_COMMAND));
  stack.defer(() => model.close());
  const station = await startStation({
    dataDir: dataDir.path,
    env: { OPENAI_BASE_URL: model.url, CODEBAY_MODELS: 'scripted', CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host },
  });
  stack.defer(async () => {
    await station.stop();
  });

  const run = await station.cli('run', '--repo', `${git.url}/tidewatch.git`, '--verify', TEST_COMMAND, '--json', 'Make the tests pass');
  expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('COMPLETED') });
  const task = JSON.parse(run.stdout) as { id: string; status: string; commit: string; verification: { status: string } };
  expect(task).toMatchObject({ status: 'COMPLETED', verification: { status: 'passed' } });
  expect(model.requests).toHaveLength(4);

  const diff = await station.cli('diff', task.id);
  const patch = Buffer.from(`${diff.stdout}\n`);
  const proof = await prove({ repository, commit: task.commit, patch, argv: [process.execPath, '--test'], folder });
  expect(proof).toEqual({ onBase: 1, onPatched: 0 });

  expect(await station.stop()).toBe(0);
  expect(station.pids()).toEqual({});
}, 120_000);
