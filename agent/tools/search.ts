import { z } from 'zod';
import { runInGroup } from './process-group.ts';
import { isSystemError } from './system-error.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';
import type { Workspace } from './workspace.ts';

const TIMEOUT_MS = 60_000;
const MAX_LINES = 200;
const MAX_LINE_CHARS = 300;

const input = z.strictObject({
  pattern: z.string().min(1).describe('An extended regular expression.'),
  path: z.string().optional().describe('Folder or file to search in. Default: the working folder.'),
  glob: z.string().optional().describe('Only files whose name matches, like *.ts.'),
});

type Engine = (request: { pattern: string; target: string; glob: string | undefined }) => [string, ...string[]];

/** In order of preference. All print `path:line:text`, exit 0 with matches, 1 without and higher on errors. */
const ENGINES: readonly Engine[] = [
  ({ pattern, target, glob }) => [
    ...(['rg', '--line-number', '--with-filename', '--no-heading', '--color=never', '--sort=path'] as const),
    ...(glob === undefined ? [] : [`--glob=${glob}`]),
    ...['-e', pattern, '--', target],
  ],
  ({ pattern, target, glob }) => [
    ...(['grep', '-rnHIE', '--color=never', '--exclude-dir=.git', '--exclude-dir=node_modules'] as const),
    ...(glob === undefined ? [] : [`--include=${glob}`]),
    ...['-e', pattern, '--', target],
  ],
];

const capped = (output: string): string => {
  const lines = output.trimEnd().split('\n');
  const shown = lines.slice(0, MAX_LINES).map((line) => line.replace(/^\.\//, '').slice(0, MAX_LINE_CHARS));
  const more = lines.length > MAX_LINES ? `\n… ${lines.length - MAX_LINES} more lines; narrow the pattern, the path or the glob` : '';
  return shown.join('\n').toWellFormed() + more;
};

/** Searches file contents with ripgrep, or grep where there is none. */
export const createSearch = (workspace: Workspace, env: Readonly<Record<string, string | undefined>>): Tool => {
  const searchWith = async ([engine, ...rest]: readonly Engine[], request: Parameters<Engine>[0], signal: AbortSignal): Promise<string> => {
    if (engine === undefined) throw new ToolError('neither rg nor grep is installed');
    try {
      const argv = engine(request);
      const { output, exitCode, timedOut } = await runInGroup({ argv, cwd: workspace.workingFolder, env, timeoutMs: TIMEOUT_MS }, signal);
      if (timedOut) throw new ToolError(`the search took longer than ${TIMEOUT_MS / 1000} s`);
      if (exitCode === 0) return capped(output);
      if (exitCode === 1) return '(no matches)';
      throw new ToolError(capped(output));
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return searchWith(rest, request, signal);
      throw error;
    }
  };
  return defineTool({
    name: 'search',
    description: `Searches file contents by a regular expression; shows path:line:text, at most ${MAX_LINES} lines.`,
    input,
    summary: ({ pattern, path, glob }) => `search ${JSON.stringify(pattern)}${path ? ` in ${path}` : ''}${glob ? ` (${glob})` : ''}`,
    run: async ({ pattern, path, glob }, signal) => {
      await workspace.locate(path ?? '.');
      return { text: await searchWith(ENGINES, { pattern, target: path ?? '.', glob }, signal) };
    },
  });
};
