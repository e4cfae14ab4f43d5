import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { agentTaskSchema } from '../tasks/run-protocol.ts';
import { Interrupted, runAgent } from './agent.ts';

const HELP = `Usage: main.ts --task FILE

Works on the task that FILE (task.json) describes: asks the model at OPENAI_BASE_URL, runs its tool calls in the
task's working folder, and writes result.json, explanation.md, llm_response.txt and transcript.jsonl to its output
folder. The log goes to standard output.

  --task FILE   the task
  --help        this text

Exit code: 0 when the task was completed, 1 otherwise, 2 for a wrong call.
`;

const fail = (problem: string): number => {
  process.stderr.write(`${problem} (--help shows the options)\n`);
  return 2;
};

const isWrongCall = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options: { task: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey } = process.env;
  if (values.task === undefined) return fail('--task is missing');
  if (!baseUrl) return fail('OPENAI_BASE_URL is not set');
  const task = agentTaskSchema.parse(JSON.parse(await readFile(values.task, 'utf8')));
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort(new Interrupted(`the run was stopped by ${name}`)));
  // A reader of the log that goes away must not end the work: the outputs are still wanted.
  process.stdout.on('error', () => undefined);
  const deps = { baseUrl, apiKey: apiKey || 'placeholder', env: process.env, write: (text: string) => void process.stdout.write(text) };
  const { status } = await runAgent(task, deps, stop.signal);
  return status === 'completed' ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!isWrongCall(error)) throw error;
  process.exitCode = fail(error.message);
}
