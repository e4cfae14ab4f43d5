import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Answer, startScriptedModel } from '../support/scripted-model.ts';
import { startStation, temporaryDataDir } from '../support/station.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
const COMMANDS = ['up', 'run', 'list', 'show', 'logs', 'diff', 'apply', 'cancel', 'message', 'doctor', 'admin'];

test('a folder is handed over, watched, steered, and its changes are applied to it', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-commands-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder });
  git('init', '-q');
  await writeFile(join(folder, 'greeting.txt'), 'hello\n');
  git('add', '-A');
  git('commit', '-q', '-m', 'base');
  await writeFile(join(folder, 'uncommitted.txt'), 'seen\n');

  const asked = Promise.withResolvers<void>();
  const steered = Promise.withResolvers<void>();
  const answers: readonly Answer[] = [
    { calls: [{ name: 'shell', arguments: { command: 'cat uncommitted.txt && echo goodbye > greeting.txt' } }] },
    { text: 'Changed the greeting.' },
  ];
  const model = await startScriptedModel(async (_request, turn) => {
    asked.resolve();
    await steered.promise;
    return answers[turn] ?? { text: 'Heard.' };
  });
  stack.defer(() => model.close());
  const data = stack.use(await temporaryDataDir()).path;
  const station = await startStation({ dataDir: data, env: { OPENAI_BASE_URL: model.url, CODEBAY_MODELS: 'scripted' } });
  stack.defer(async () => {
    await station.stop();
  });

  const { stdout: id, exitCode } = await station.cli('run', '--dir', folder, '--detach', 'Say goodbye');
  expect(exitCode).toBe(0);
  await asked.promise;
  expect(await station.cli('message', id, 'mind the file')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Sent') });
  const following = station.cli('logs', '-f', id);
  steered.resolve();
  const followed = await following;
  expect(followed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('COMPLETED') });
  expect(followed.stdout).toContain('seen');
  expect(model.requests[1]?.raw).toContain('mind the file');

  const cliIn = (...args: string[]) =>
    execa(process.execPath, [MAIN, ...args], {
      cwd: folder,
      reject: false,
      env: { CODEBAY_DATA: data, CODEBAY_URL: '', CODEBAY_API_KEY: '' },
    });
  expect(await cliIn('apply', id, '--check')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('It would apply cleanly.') });
  expect(readFileSync(join(folder, 'greeting.txt'), 'utf8')).toBe('hello\n');
  expect(await cliIn('apply', id)).toMatchObject({ exitCode: 0 });
  expect(readFileSync(join(folder, 'greeting.txt'), 'utf8')).toBe('goodbye\n');
  expect(await cliIn('apply', id)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('uncommitted changes in greeting.txt') });

  const key = await station.cli('admin', 'keys', 'create', '--owner', 'another', '--label', 'second laptop');
  const tasksOf = async (apiKey: string) =>
    (await fetch(`${station.url}/v1/tasks`, { headers: { authorization: `Bearer ${apiKey}` } })).json() as Promise<{ data: unknown[] }>;
  expect((await tasksOf(key.stdout)).data).toEqual([]);
  expect((await tasksOf(station.apiKey)).data).toHaveLength(1);
  const keys = await station.cli('admin', 'keys', 'list');
  expect(keys.stdout).toMatch(/^[0-9a-f]{12} {2}another .* second laptop$/m);
  expect(keys.stdout).not.toContain(key.stdout.slice(4));
  const keyId = /^([0-9a-f]{12}) {2}another/m.exec(keys.stdout)?.[1] ?? '';
  expect(await station.cli('admin', 'keys', 'revoke', keyId)).toMatchObject({ exitCode: 0 });
  await until('the revoked key is refused', async () => 'status' in (await tasksOf(key.stdout)), 10_000);
  expect(await station.cli('admin', 'keys', 'revoke', 'none')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no key') });
}, 90_000);

test('each command explains itself', async () => {
  const helps = await Promise.all(COMMANDS.map((name) => execa(process.execPath, [MAIN, name, '--help'], { reject: false })));
  for (const [index, help] of helps.entries()) {
    expect(help).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining(`Usage: codebay ${COMMANDS[index]}`) });
  }
}, 60_000);
