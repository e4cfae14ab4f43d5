import { ToolError } from '../tool.ts';

export interface Hunk {
  /** Lines that stand somewhere above the hunk, outermost first. */
  readonly anchors: readonly string[];
  readonly lines: readonly { readonly mark: ' ' | '+' | '-'; readonly text: string }[];
  /** The hunk's old lines are the last of the file. */
  readonly atEnd: boolean;
}

export type PatchAction =
  | { readonly type: 'add'; readonly path: string; readonly content: string }
  | { readonly type: 'delete'; readonly path: string }
  | { readonly type: 'update'; readonly path: string; readonly moveTo: string | null; readonly hunks: readonly Hunk[] };

const END_OF_FILE = '*** End of File';
/** Models that know `diff -u` write its positions behind `@@`; only the heading after them is an anchor. */
const UNIFIED_POSITION = /^-\d+(,\d+)? \+\d+(,\d+)? @@ ?/;

/** A cursor over the patch's lines; errors name the line. */
const createCursor = (lines: readonly string[]) => {
  let at = 0;
  return {
    peek: (): string | undefined => lines[at],
    next: (): string => lines[at++] ?? '',
    fail: (problem: string): never => {
      throw new ToolError(`the patch is not valid: line ${at + 1}: ${problem}`);
    },
  };
};

type Cursor = ReturnType<typeof createCursor>;

/** The rest of a header line after its keyword, null for another line. */
const after = (line: string | undefined, keyword: string): string | null =>
  line?.startsWith(keyword) ? line.slice(keyword.length).trim() : null;

const isHeader = (line: string): boolean => line.startsWith('*** ');

const parseAdd = (cursor: Cursor, path: string): PatchAction => {
  let content = '';
  for (let line = cursor.peek(); line !== undefined && !isHeader(line); line = cursor.peek()) {
    if (!line.startsWith('+')) cursor.fail(`every line of an added file starts with "+", this one is ${JSON.stringify(line.slice(0, 80))}`);
    content += `${cursor.next().slice(1)}\n`;
  }
  return { type: 'add', path, content };
};

const parseHunk = (cursor: Cursor): Hunk => {
  const anchors: string[] = [];
  while (cursor.peek()?.startsWith('@@')) {
    const anchor = cursor.next().slice(2).replace(/^ /, '').replace(UNIFIED_POSITION, '').trimEnd();
    if (anchor !== '') anchors.push(anchor);
  }
  const lines: Hunk['lines'][number][] = [];
  for (let line = cursor.peek(); line !== undefined && !isHeader(line) && !line.startsWith('@@'); line = cursor.peek()) {
    const mark = line === '' || line === '\r' ? ' ' : line[0];
    if (mark !== ' ' && mark !== '+' && mark !== '-') {
      return cursor.fail(`a line of a hunk starts with " ", "+" or "-", this one is ${JSON.stringify(line.slice(0, 80))}`);
    }
    lines.push({ mark, text: cursor.next().slice(1).replace(/\r$/, '') });
  }
  const atEnd = cursor.peek()?.trimEnd() === END_OF_FILE;
  if (atEnd) cursor.next();
  if (!lines.some(({ mark }) => mark !== ' ')) cursor.fail('a hunk changes nothing');
  return { anchors, lines, atEnd };
};

const parseUpdate = (cursor: Cursor, path: string): PatchAction => {
  const moveTo = after(cursor.peek(), '*** Move to:');
  if (moveTo !== null) cursor.next();
  const hunks: Hunk[] = [];
  for (let line = cursor.peek(); line !== undefined && !isHeader(line); line = cursor.peek()) hunks.push(parseHunk(cursor));
  if (hunks.length === 0 && moveTo === null) cursor.fail(`the update of ${path} has no hunk`);
  return { type: 'update', path, moveTo, hunks };
};

/** Reads a patch in the V4A envelope (`*** Begin Patch` … `*** End Patch`); throws `ToolError` naming the line that is wrong. */
export const parsePatch = (patch: string): PatchAction[] => {
  const cursor = createCursor(patch.trim().split('\n'));
  if (cursor.next().trimEnd() !== '*** Begin Patch') throw new ToolError('the patch must begin with the line "*** Begin Patch"');
  const actions: PatchAction[] = [];
  for (let line = cursor.peek(); line?.trimEnd() !== '*** End Patch'; line = cursor.peek()) {
    if (line === undefined) throw new ToolError('the patch must end with the line "*** End Patch"');
    if (line.trim() === '') {
      cursor.next();
      continue;
    }
    const added = after(line, '*** Add File:');
    const deleted = after(line, '*** Delete File:');
    const updated = after(line, '*** Update File:');
    const path = added ?? deleted ?? updated;
    if (!path) return cursor.fail('expected "*** Add File: ", "*** Delete File: " or "*** Update File: " with a path');
    cursor.next();
    if (added !== null) actions.push(parseAdd(cursor, path));
    else if (deleted !== null) actions.push({ type: 'delete', path });
    else actions.push(parseUpdate(cursor, path));
  }
  cursor.next();
  if (cursor.peek() !== undefined) cursor.fail('something follows "*** End Patch"');
  if (actions.length === 0) throw new ToolError('the patch holds no change');
  return actions;
};
