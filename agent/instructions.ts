import { dirname, join } from 'node:path';
import type { Message } from './model/conversation.ts';
import { readTextFile } from './tools/text-file.ts';
import { isExpected } from './tools/tool.ts';
import type { Workspace } from './tools/workspace.ts';

/** The first that exists in a folder counts, as Codex has it. */
const NAMES = ['AGENTS.override.md', 'AGENTS.md'] as const;
/** Of all files together. */
const MAX_BYTES = 32 * 1024;
const HEADER = '# AGENTS.md instructions for ';

export interface Instructions {
  /** Messages for the folders from the code's root down to this one that have instructions not shown yet. */
  enter(folder: string): Promise<Message[]>;
}

const readFirst = async (workspace: Workspace, folder: string): Promise<string | null> => {
  for (const name of NAMES) {
    try {
      return (await readTextFile(await workspace.locate(join(folder, name)), name)).text;
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }
  return null;
};

const foldersDownTo = (root: string, folder: string): string[] => {
  if (folder === root) return [root];
  if (!folder.startsWith(`${root}/`)) return [];
  return [...foldersDownTo(root, dirname(folder)), folder];
};

const cutToBytes = (text: string, bytes: number): string => {
  const buffer = Buffer.from(text);
  if (buffer.length <= bytes) return text;
  return `${buffer.subarray(0, bytes).toString('utf8').replace(/�+$/, '')}\n[cut: the limit of ${MAX_BYTES} bytes is reached]`;
};

/** What earlier messages of a resumed run have shown. */
const shownBefore = (history: readonly Message[]): { folder: string; bytes: number }[] =>
  history.flatMap((message) => {
    if (message.role !== 'user' || !message.content.startsWith(HEADER)) return [];
    const [first = ''] = message.content.split('\n', 1);
    return [{ folder: first.slice(HEADER.length), bytes: Buffer.byteLength(message.content) }];
  });

/** Shows each folder's AGENTS.md once, 32 KiB in all; `history` says what was shown before. */
export const createInstructions = (workspace: Workspace, history: readonly Message[]): Instructions => {
  const before = shownBefore(history);
  const entered = new Set<string>();
  const shown = new Set(before.map(({ folder }) => folder));
  let leftBytes = MAX_BYTES - before.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    enter: async (folder) => {
      const messages: Message[] = [];
      for (const each of foldersDownTo(workspace.root, folder)) {
        const name = workspace.show(each);
        if (entered.has(each) || shown.has(name) || leftBytes <= 0) continue;
        entered.add(each);
        const text = (await readFirst(workspace, each))?.trim();
        if (!text) continue;
        const content = cutToBytes(text, leftBytes);
        leftBytes -= Buffer.byteLength(text);
        messages.push({ role: 'user', content: `${HEADER}${name}\n\n<INSTRUCTIONS>\n${content}\n</INSTRUCTIONS>` });
      }
      return messages;
    },
  };
};
