import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runAgent } from '../../../agent/agent.ts';
import { type AgentResult, type AgentTask, agentResultSchema } from '../../../tasks/run-protocol.ts';
import { type ModelScript, type ScriptedModel, type SteeringMessage, startScriptedModel } from '../../support/scripted-model.ts';

export interface Bench {
  readonly model: ScriptedModel;
  readonly task: AgentTask;
  readonly code: string;
  /** The log so far. */
  log(): string;
  write(path: string, content: string | Buffer): Promise<void>;
  read(path: string): Promise<string>;
  output(name: string): Promise<string>;
  run(changes?: Partial<AgentTask>, signal?: AbortSignal): Promise<AgentResult>;
}

/** A folder with code, a scripted model and an agent that works there in this process; all of it is gone afterwards. */
export const withBench = async (
  script: ModelScript,
  use: (bench: Bench) => Promise<void>,
  messages?: () => readonly SteeringMessage[],
): Promise<void> => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'codebay-agent-')));
  const model = await startScriptedModel(script, messages);
  const code = join(folder, 'code');
  const output = join(folder, 'output');
  await mkdir(code);
  await mkdir(output);
  const task: AgentTask = {
    id: 'task-1',
    prompt: 'Do the thing.',
    mode: 'modify',
    code,
    working_folder: code,
    output,
    limits: { time_seconds: 60, steps: 20, tokens: 1_000_000 },
    model: 'scripted',
    model_retry_seconds: 10,
    model_timeout_seconds: 10,
    resume_from: null,
  };
  let log = '';
  const deps = {
    baseUrl: model.url,
    apiKey: 'placeholder',
    env: { PATH: process.env.PATH, OPENAI_API_KEY: 'placeholder' },
    write: (text: string) => {
      log += text;
    },
  };
  try {
    await use({
      model,
      task,
      code,
      log: () => log,
      write: async (path, content) => {
        await mkdir(dirname(join(code, path)), { recursive: true });
        await writeFile(join(code, path), content);
      },
      read: (path) => readFile(join(code, path), 'utf8'),
      output: (name) => readFile(join(output, name), 'utf8'),
      run: async (changes = {}, signal = new AbortController().signal) => {
        const result = await runAgent({ ...task, ...changes }, deps, signal);
        const written = agentResultSchema.parse(JSON.parse(await readFile(join(output, 'result.json'), 'utf8')));
        expect(written).toEqual(result);
        return result;
      },
    });
  } finally {
    await model.close();
    await rm(folder, { recursive: true });
  }
};

/** A tool call that leaves one line a run in `count`. */
export const counting = { name: 'shell', arguments: { command: 'echo ran >> count; echo counted' } } as const;

export const countOf = async (bench: Bench): Promise<number> => (await bench.read('count').catch(() => '')).split('\n').length - 1;
