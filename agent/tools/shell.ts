import { existsSync } from 'node:fs';
import { z } from 'zod';
import { createCommandPolicy } from './command-policy.ts';
import { runInGroup } from './process-group.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';
import type { Workspace } from './workspace.ts';

const DEFAULT_SECONDS = 120;
const MAX_SECONDS = 600;

/** Where memory runs out, the kernel ends the command and not the agent. One pipe for both streams keeps their order. */
const ENTER = '{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$0" -c "$1" 2>&1';

const input = z.strictObject({
  command: z.string().min(1).describe('The shell command.'),
  workdir: z.string().optional().describe('Folder to run in, relative to the working folder. Default: the working folder.'),
  timeout_seconds: z.number().positive().max(MAX_SECONDS).optional().describe(`Default ${DEFAULT_SECONDS}, at most ${MAX_SECONDS}.`),
});

const description = [
  'Runs a command in a fresh shell without a terminal and without input; returns exit code, duration and output (stdout and stderr together).',
  'Nothing is kept from one call to the next but files: no folder change, no variables, no background process.',
  'Long output is shown as its first and last 5,000 characters.',
].join(' ');

/** Programs must not wait for a terminal, and have no business with the model's endpoint. */
const commandEnvironment = (env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> => {
  const { OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...rest } = env;
  return { ...rest, TERM: 'dumb', NO_COLOR: '1', PAGER: 'cat', GIT_PAGER: 'cat', GIT_TERMINAL_PROMPT: '0', GIT_EDITOR: 'true' };
};

export interface ShellOptions {
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What commands may begin with; every command where absent. */
  readonly commands?: readonly string[] | undefined;
}

/** The shell tool: bash where there is one, sh otherwise. */
export const createShell = ({ workspace, env, commands }: ShellOptions): Tool => {
  const shell = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path)) ?? '/bin/sh';
  const commandEnv = commandEnvironment(env);
  const refusalOf = commands === undefined ? () => null : createCommandPolicy(commands);
  return defineTool({
    name: 'shell',
    description: commands === undefined ? description : `${description} Each command must begin with one of: ${commands.join(', ')}.`,
    input,
    summary: ({ command }) => `$ ${command}`,
    run: async ({ command, workdir, timeout_seconds }, signal) => {
      if (command.includes('\0')) throw new ToolError('the command holds a NUL character');
      const refusal = refusalOf(command);
      if (refusal !== null) throw new ToolError(refusal);
      const cwd = await workspace.locate(workdir ?? '.');
      const seconds = timeout_seconds ?? DEFAULT_SECONDS;
      const argv = [shell, '-c', ENTER, shell, command] as const;
      const exit = await runInGroup({ argv, cwd, env: commandEnv, timeoutMs: seconds * 1000 }, signal);
      const ended = exit.timedOut
        ? `timed out after ${seconds} s and was killed`
        : exit.signal === null
          ? `exit code ${exit.exitCode}`
          : `killed by ${exit.signal}`;
      const took = `${(exit.durationMs / 1000).toFixed(1)} s`;
      const output = exit.output === '' ? '(no output)' : exit.output;
      return { text: `${ended} (${took})\n${output}`, essence: `${ended}\n${output}`, touched: [cwd] };
    },
  });
};
