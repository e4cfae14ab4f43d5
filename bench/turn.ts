import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer } from '../demo/git-server.ts';
import { makeRepository } from '../demo/project-repository.ts';
import { type ModelScript, startScriptedModel } from '../test/support/scripted-model.ts';
import { startStation, temporaryDataDir } from '../test/support/station.ts';
import { median, type Ratio } from './rounds.ts';

const TURNS = 15;
/** Different each time: an agent that repeats itself is stopped. */
const commandOf = (turn: number): string => `: ${turn}`;

/** A model that asks for a command that does nothing, and how many milliseconds passed from each of its answers to the next request. */
const createTurns = (): { readonly script: ModelScript; readonly gaps: () => readonly number[] } => {
  const gaps: number[] = [];
  let answered = 0;
  return {
    script: (_request, turn) => {
      if (turn > 0) gaps.push(performance.now() - answered);
      answered = performance.now();
      if (turn === TURNS) return { text: 'Nothing was to be done.' };
      return { calls: [{ name: 'shell', arguments: { command: commandOf(turn) } }] };
    },
    gaps: () => gaps,
  };
};

/** The same requests and commands by a loop that saves nothing, isolates nothing and asks the model directly. */
const bareLoop = async (url: string): Promise<void> => {
  const messages: object[] = [{ role: 'user', content: 'Do nothing.' }];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    const asked = request(`${url}/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' } });
    asked.end(JSON.stringify({ model: 'scripted', stream: true, messages }));
    const [answer] = await once(asked, 'response');
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    if (turn < TURNS) await once(spawn('/bin/sh', ['-c', commandOf(turn)], { stdio: 'ignore' }), 'exit');
    messages.push({ role: 'assistant', content: text.slice(0, 200) }, { role: 'user', content: 'exit code 0' });
  }
};

const bareGap = async (): Promise<number> => {
  const turns = createTurns();
  const model = await startScriptedModel(turns.script);
  try {
    await bareLoop(model.url);
    return median(turns.gaps());
  } finally {
    await model.close();
  }
};

const ourGap = async (): Promise<number> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const dataDir = stack.use(await temporaryDataDir());
  await makeRepository(join(import.meta.dirname, '../demo/project'), folder, 'tidewatch');
  const git = await startGitServer({ root: folder });
  stack.defer(() => git.close());
  const turns = createTurns();
  const model = await startScriptedModel(turns.script);
  stack.defer(() => model.close());
  const env = { OPENAI_BASE_URL: model.url, CODEBAY_MODELS: 'scripted', CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host };
  const station = await startStation({ dataDir: dataDir.path, env });
  stack.defer(async () => {
    await station.stop();
  });
  const { exitCode, stderr } = await station.cli('run', '--repo', `${git.url}/tidewatch.git`, '--mode', 'explain', 'Do nothing.');
  if (exitCode !== 0) throw new Error(`the task failed: ${stderr}`);
  return median(turns.gaps());
};

/**
 * From one model answer to the next request, past the agent, its sandboxed command, the checkpoint, the gateway and its ledger: what a turn
 * costs beside the model. The bare loop pays for none of these, so the ratio only shows whether a change made it better or worse.
 */
export const run = async (): Promise<readonly Ratio[]> => {
  const before = await bareGap();
  const ours = await ourGap();
  const bare = (before + (await bareGap())) / 2;
  return [{ name: 'turn', ratio: ours / bare, ours, bare, unit: 'ms', rounds: TURNS, spread: 0 }];
};
