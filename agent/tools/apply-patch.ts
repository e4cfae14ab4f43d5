import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { applyHunks } from './patch/apply-hunks.ts';
import { commitFiles, type FileChange } from './patch/commit-files.ts';
import { type Hunk, type PatchAction, parsePatch } from './patch/parse.ts';
import { isSystemError } from './system-error.ts';
import { decodeText, readTextFile, type TextFile } from './text-file.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';
import type { Workspace } from './workspace.ts';

const description = `Changes files by a patch; all of it is applied or, with an error, nothing.
*** Begin Patch
*** Update File: src/a.ts
*** Move to: src/b.ts        (only to rename)
@@ class Foo                 (a whole line above the change; needed only where the lines below fit in several places)
 context line
-old line
+new line
 context line
*** End of File              (only where the lines above are the last of the file)
*** Add File: src/new.ts
+every line starts with +
*** Delete File: src/old.ts
*** End Patch
Give about 3 lines of context, copied exactly. The hunks of a file stand in the order of the file.`;

const input = z.strictObject({ patch: z.string().min(1).describe('The whole patch, from "*** Begin Patch" to "*** End Patch".') });

const entryExists = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
};

/** A file that isn't UTF-8 is handled as single bytes, so the patch's lines have to be those bytes too. */
const inEncoding = (hunks: readonly Hunk[], encoding: TextFile['encoding']): readonly Hunk[] => {
  if (encoding === 'utf8') return hunks;
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return hunks.map((hunk) => ({
    ...hunk,
    anchors: hunk.anchors.map(bytes),
    lines: hunk.lines.map(({ mark, text }) => ({ mark, text: bytes(text) })),
  }));
};

/** The changes as they would be after each action, so that actions see the ones before them and nothing is written yet. */
const plan = async (workspace: Workspace, actions: readonly PatchAction[]): Promise<{ changes: FileChange[]; summary: string[] }> => {
  const planned = new Map<string, FileChange>();
  const summary: string[] = [];
  const set = (path: string, content: Buffer | null, like: string | null): unknown => planned.set(path, { path, content, like });
  const exists = async (path: string): Promise<boolean> => {
    const change = planned.get(path);
    return change === undefined ? entryExists(path) : change.content !== null;
  };
  const read = async (path: string, name: string): Promise<TextFile> => {
    const change = planned.get(path);
    if (change?.content) return decodeText(change.content);
    if (!(await exists(path))) throw new ToolError(`${name} does not exist`);
    return readTextFile(path, name);
  };
  const refuseExisting = async (path: string, name: string): Promise<void> => {
    if (await exists(path)) throw new ToolError(`${name} exists already; update it, or delete it first`);
  };

  for (const action of actions) {
    if (action.type === 'delete') {
      const path = await workspace.locateEntry(action.path);
      if (!(await exists(path))) throw new ToolError(`${action.path} does not exist`);
      if (!planned.has(path) && (await lstat(path)).isDirectory())
        throw new ToolError(`${action.path} is a folder; only files are deleted`);
      set(path, null, null);
      summary.push(`D ${workspace.show(path)}`);
      continue;
    }
    const path = await workspace.locate(action.path);
    if (action.type === 'add') {
      await refuseExisting(path, action.path);
      set(path, Buffer.from(action.content), null);
      summary.push(`A ${workspace.show(path)}`);
      continue;
    }
    const { text, encoding } = await read(path, action.path);
    const content = Buffer.from(applyHunks(text, inEncoding(action.hunks, encoding), action.path), encoding);
    const like = planned.get(path)?.like ?? ((await entryExists(path)) ? path : null);
    if (action.moveTo === null) {
      set(path, content, like);
      summary.push(`M ${workspace.show(path)}`);
      continue;
    }
    const target = await workspace.locate(action.moveTo);
    if (target !== path) await refuseExisting(target, action.moveTo);
    set(path, null, null);
    set(target, content, like);
    summary.push(`R ${workspace.show(path)} -> ${workspace.show(target)}`);
  }
  return { changes: [...planned.values()], summary };
};

/** The apply_patch tool: the V4A envelope, all or nothing, held inside the workspace. */
export const createApplyPatch = (workspace: Workspace): Tool =>
  defineTool({
    name: 'apply_patch',
    description,
    input,
    summary: ({ patch }) => `apply_patch\n${patch.trim()}`,
    run: async ({ patch }) => {
      const { changes, summary } = await plan(workspace, parsePatch(patch));
      await commitFiles(changes);
      return { text: `Applied:\n${summary.join('\n')}`, touched: [...new Set(changes.map(({ path }) => dirname(path)))] };
    },
  });
