import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer } from '../../demo/git-server.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { createClient } from '../../sdk/index.ts';
import { isTerminal } from '../../tasks/status.ts';
import { processesOf } from '../support/footprint.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

describe('npm run stack', () => {
  test('brings the production profile up, runs a task, and leaves nothing when it is ended', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'codebay-git-'));
    cleanUp.defer(() => rm(folder, { recursive: true, force: true }));
    await makeRepository(join(import.meta.dirname, '../../demo/project'), folder, 'project');
    const git = await startGitServer({ root: folder });
    cleanUp.defer(() => git.close());
    const model = await startScriptedModel((_, turn) =>
      turn === 0 ? { calls: [{ name: 'shell', arguments: { command: 'echo mended >mended.txt' } }] } : { text: 'Done.' },
    );
    cleanUp.defer(() => model.close());
    const env = {
      ...process.env,
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'stack-test',
      CODEBAY_MODELS: 'scripted',
      CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host,
    };
    const stack = spawn(process.execPath, [join(import.meta.dirname, '../servers/stack.ts')], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(stack, 'exit');
    cleanUp.defer(async () => {
      stack.kill('SIGTERM');
      await ended;
    });
    let said = '';
    stack.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const shown = (name: string): string => new RegExp(`^  ${name}\\s+(\\S+)`, 'm').exec(said)?.[1] ?? '';
    const isUp = until('the stack is up', () => said.includes('Ctrl-C stops everything.'), 150_000);
    await Promise.race([isUp, ended.then(() => Promise.reject(new Error(`the stack ended before it was up: ${said}`)))]);

    const client = createClient({ url: shown('API'), apiKey: shown('API key') });
    const { id } = await client.submit({ source: { type: 'git', url: `${git.url}/project.git` }, prompt: 'Mend it' });
    const task = await until('the task has ended', async () => isTerminal((await client.get(id)).status) && client.get(id), 90_000);
    expect(task).toMatchObject({ status: 'COMPLETED' });
    expect(Buffer.from(await client.diff(id)).toString()).toContain('+mended');

    stack.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(existsSync(shown('Data, logs'))).toBe(false);
    expect(processesOf(shown('Data, logs'))).toEqual([]);
  }, 240_000);
});
