/**
 * `npm run demo`: a real task against a real git repository, on a station that is started as a user would. With OPENAI_API_KEY or
 * OPENAI_BASE_URL that model works; with neither a scripted stand-in answers, and nothing else is scripted. `--keep` leaves it all running.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { execa } from 'execa';
import { harmless, paint, print } from '../cli/terminal.ts';
import { createClient } from '../sdk/index.ts';
import { taskViewSchema } from '../tasks/task-view.ts';
import { startScriptedModel } from '../test/support/scripted-model.ts';
import { startGitServer } from './git-server.ts';
import { makeRepository } from './project-repository.ts';
import { prove } from './prove.ts';
import { scriptedAnswers } from './scripted-answers.ts';
import { startStationProcess } from './station-process.ts';

const TEST_COMMAND = 'node --test';
const PROMPT = 'The tests fail (`node --test`). Find out why and fix the code, not the tests.';
const root = join(import.meta.dirname, '..');
const keep = process.argv.includes('--keep');
const data = resolve(process.env.CODEBAY_DATA || '.codebay/demo');

const heading = (text: string): void => print('', paint('bold', `── ${text} `.padEnd(72, '─')));

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
});

/** A model of the user's, or the stand-in. */
const chooseModel = async (stack: AsyncDisposableStack): Promise<Record<string, string>> => {
  if (process.env.OPENAI_API_KEY || process.env.OPENAI_BASE_URL) {
    print(`Model: yours, at ${new URL(process.env.OPENAI_BASE_URL || 'https://api.openai.com').host}.`);
    return {};
  }
  const model = await startScriptedModel(scriptedAnswers(TEST_COMMAND));
  stack.defer(() => model.close());
  print(
    `Model: ${paint('yellow', 'a scripted stand-in')}, because neither OPENAI_API_KEY nor OPENAI_BASE_URL is set.`,
    'Its answers are written beforehand and quote what the tools print; everything else is real.',
  );
  return { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: randomBytes(16).toString('hex'), CODEBAY_MODELS: 'scripted-stand-in' };
};

const demo = async (stack: AsyncDisposableStack): Promise<boolean> => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  heading('The station');
  const repository = await makeRepository(join(root, 'demo/project'), folder, 'tidewatch');
  const gitServer = await startGitServer({ root: folder });
  stack.defer(() => gitServer.close());
  const env = {
    ...process.env,
    ...(await chooseModel(stack)),
    CODEBAY_DATA: data,
    CODEBAY_GIT_ALLOWED_HOSTS: new URL(gitServer.url).host,
    CODEBAY_URL: '',
    CODEBAY_API_KEY: '',
  };
  const began = Date.now();
  const station = await startStationProcess(env);
  stack.defer(async () => {
    await station.stop();
  });
  const { url, temporal_ui: temporalUi } = station.file();
  print(
    `Up in ${((Date.now() - began) / 1000).toFixed(1)} s: API ${url}, Temporal ${temporalUi ?? 'elsewhere'}, data in ${relative('.', data)}.`,
  );

  heading('The task');
  const args = ['run', '--repo', `${gitServer.url}/tidewatch.git`, '--verify', TEST_COMMAND, PROMPT];
  print(`$ codebay ${args.map((arg) => (/\s/.test(arg) ? JSON.stringify(arg) : arg)).join(' ')}`);
  const submitted = await execa(process.execPath, [join(root, 'cli/main.ts'), ...args, '--json'], {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stderr: 'inherit',
  });
  if (submitted.stdout === '') return false;
  const task = taskViewSchema.parse(JSON.parse(submitted.stdout));
  const client = createClient({ url, apiKey: station.apiKey });

  heading(`${task.status}`);
  if (task.failure !== null) print(`${task.failure.reason}: ${harmless(task.failure.detail)}`, task.failure.remedy);
  if (task.verification !== null) print(`Verified in a clean run by \`${TEST_COMMAND}\`: ${task.verification.status}.`);
  if (task.status !== 'COMPLETED' || task.commit === null) return false;
  print('', harmless(await (await client.artifact(task.id, 'explanation.md')).text()).trimEnd());

  heading('The diff');
  const patch = await client.diff(task.id);
  print(harmless(Buffer.from(patch).toString()).trimEnd());

  heading('Where it is');
  const artifacts = join(relative('.', data), 'objects/logs', task.id);
  print(`Artifacts    ${artifacts}/  (${task.artifacts.map((artifact) => artifact.name).join(', ')})`);
  print(`Temporal UI  ${temporalUi}/namespaces/default/workflows/${task.id}`);
  if (!keep) print(`             CODEBAY_DATA=${relative('.', data)} npm start   shows both again; npm run demo -- --keep leaves them up`);

  heading('The proof, in two fresh clones');
  const proof = await prove({ repository, commit: task.commit, patch, argv: [process.execPath, '--test'], folder });
  const proven = proof.onBase !== 0 && proof.onPatched === 0;
  print(
    `${TEST_COMMAND} on the base:           exit code ${proof.onBase}  ${proof.onBase !== 0 ? paint('green', 'fails, as it should') : paint('red', 'should fail')}`,
    `${TEST_COMMAND} on base + diff.patch:  exit code ${proof.onPatched}  ${proof.onPatched === 0 ? paint('green', 'passes') : paint('red', 'should pass')}`,
  );
  if (keep) {
    heading('Kept running; Ctrl-C ends it');
    print(`CODEBAY_DATA=${relative('.', data)} npx codebay list`);
    await station.ended;
  }
  return proven;
};

const stack = new AsyncDisposableStack();
try {
  process.exitCode = (await Promise.race([demo(stack), interrupted])) ? 0 : 1;
} catch (error) {
  print('', paint('red', error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
} finally {
  await stack.disposeAsync();
}
if (process.exitCode !== 0)
  print('', `The demo did not succeed. The logs are in ${relative('.', data)}/logs; \`npx codebay doctor\` checks the machine.`);
