import { join } from 'node:path';
import { execa } from 'execa';
import { git } from './project-repository.ts';

export interface Proof {
  /** The command's exit codes in two fresh clones. */
  readonly onBase: number | null;
  readonly onPatched: number | null;
}

/** Clones the repository twice, applies the patch to one clone, and runs the command in both. */
export const prove = async (options: {
  readonly repository: string;
  readonly commit: string;
  readonly patch: Uint8Array;
  readonly argv: readonly [string, ...string[]];
  readonly folder: string;
}): Promise<Proof> => {
  const clone = async (name: string): Promise<string> => {
    const tree = join(options.folder, name);
    await git(options.folder, ['clone', '--quiet', options.repository, tree]);
    await git(tree, ['checkout', '--quiet', '--detach', options.commit]);
    return tree;
  };
  const run = async (tree: string): Promise<number | null> => {
    const [program, ...args] = options.argv;
    return (await execa(program, args, { cwd: tree, reject: false })).exitCode ?? null;
  };
  const base = await clone('base');
  const patched = await clone('patched');
  await git(patched, ['apply', '--binary'], options.patch);
  return { onBase: await run(base), onPatched: await run(patched) };
};
