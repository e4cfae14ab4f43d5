import { dirname } from 'node:path';
import { z } from 'zod';
import { readTextFile } from './text-file.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';
import type { Workspace } from './workspace.ts';

const MAX_LINES = 1000;
const MAX_CHARS = 40_000;
const MAX_LINE_CHARS = 2000;

const input = z.strictObject({
  path: z.string().min(1).describe('Relative to the working folder, or absolute inside the workspace.'),
  start_line: z.int().min(1).optional().describe('First line to show, from 1.'),
  end_line: z.int().min(1).optional().describe('Last line to show.'),
});

const shorten = (line: string): string =>
  line.length <= MAX_LINE_CHARS ? line : `${line.slice(0, MAX_LINE_CHARS)}… (${line.length - MAX_LINE_CHARS} characters more)`;

/** Numbers lines from `first` until a cap is reached; returns how many fitted. */
const numbered = (lines: readonly string[], first: number): { text: string; shown: number } => {
  let text = '';
  let shown = 0;
  for (const line of lines.slice(0, MAX_LINES)) {
    const next = `${String(first + shown).padStart(6)}\t${shorten(line)}\n`;
    if (text.length + next.length > MAX_CHARS) break;
    text += next;
    shown++;
  }
  return { text: text.toWellFormed(), shown };
};

/** Shows a text file with line numbers, in pieces of at most 1,000 lines or 40,000 characters. */
export const createReadFile = (workspace: Workspace): Tool =>
  defineTool({
    name: 'read_file',
    description: `Shows a text file with line numbers, at most ${MAX_LINES} lines at once.`,
    input,
    summary: ({ path, start_line, end_line }) => `read ${path}${start_line || end_line ? `:${start_line ?? 1}-${end_line ?? ''}` : ''}`,
    run: async ({ path, start_line: start = 1, end_line: end }) => {
      if (end !== undefined && end < start) throw new ToolError('end_line is before start_line');
      const file = await workspace.locate(path);
      const { text } = await readTextFile(file, path);
      const touched = [dirname(file)];
      if (text === '') return { text: '(the file is empty)', touched };
      const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
      if (start > lines.length) throw new ToolError(`${path} has only ${lines.length} lines`);
      const wanted = lines.slice(start - 1, end);
      const { text: shown, shown: count } = numbered(wanted, start);
      const last = start + count - 1;
      const more = last < lines.length ? `(lines ${start}-${last} of ${lines.length})` : '';
      return { text: `${shown}${more}`.trimEnd(), touched };
    },
  });
