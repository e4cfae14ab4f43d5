import { Readable } from 'node:stream';
import type { Git } from './git.ts';

/** Far above what an honest run embeds. */
const MAX_REPOSITORIES = 200;

const items = (output: Buffer): string[] =>
  output
    .toString('latin1')
    .split('\0')
    .filter((item) => item !== '');

const list = (paths: readonly string[]): Readable => Readable.from([Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1')]);

/**
 * Git adds a repository inside the tree as a link to its commit, or not at all where it has none, and its files would be missing in
 * the patch. Puts them into the index as plain files instead; returns the folders it did so for (bytes as latin1).
 */
export const addEmbeddedRepositories = async (git: Git, code: string, base: string, signal: AbortSignal): Promise<readonly string[]> => {
  const raw = items(await git({ script: 'git diff --cached --raw -z --no-renames "$1"', args: [base], signal }));
  const links = raw.filter((_, at) => /^:(?!160000)[0-7]+ 160000 /.test(raw[at - 1] ?? ''));
  const unborn = items(await git({ script: 'git ls-files -z --others --exclude-standard', signal })).filter((path) => path.endsWith('/'));
  const waiting = [...links, ...unborn.map((path) => path.slice(0, -1))];
  const found: string[] = [];
  const files: string[] = [];
  for (let next = waiting.pop(); next !== undefined && found.length < MAX_REPOSITORIES; next = waiting.pop()) {
    found.push(next);
    const folder = Buffer.from(next, 'latin1').toString();
    const inside = items(
      await git({ script: 'git ls-files -z --others --exclude-standard', workTree: `${code}/${folder}`, index: 'index.none', signal }),
    );
    for (const path of inside) {
      if (path.endsWith('/')) waiting.push(`${next}/${path.slice(0, -1)}`);
      else files.push(`${next}/${path}`);
    }
  }
  if (links.length > 0) await git({ script: 'git update-index -z --force-remove --stdin', stdin: list(links), signal });
  if (files.length > 0) await git({ script: 'git update-index -z --add --remove --stdin', stdin: list(files), signal });
  return found;
};
