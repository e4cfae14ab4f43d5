import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isSystemError } from './system-error.ts';
import { ToolError } from './tool.ts';

export interface Workspace {
  /** Real path of the code. */
  readonly root: string;
  /** Real path of the folder that relative paths start from. */
  readonly workingFolder: string;
  /** The real path behind a path, existing or not; throws `ToolError` where it leads out of the code, through symlinks too. */
  locate(path: string): Promise<string>;
  /** The same, but a symlink at the end is not followed. */
  locateEntry(path: string): Promise<string>;
  /** How a path inside is shown: relative to the code. */
  show(path: string): string;
}

/** Resolves the longest part that exists and appends the rest. A dangling symlink counts as existing and leads nowhere. */
const realpathOfLongest = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT') || dirname(path) === path) throw error;
    return join(await realpathOfLongest(dirname(path)), basename(path));
  }
};

/** Holds every path inside the code, as seen at the moment of asking. */
export const openWorkspace = async (code: string, workingFolder: string): Promise<Workspace> => {
  const root = await realpath(code);
  const working = await realpath(workingFolder);
  const hold = (path: string, real: string): string => {
    if (real === root || real.startsWith(root + sep)) return real;
    throw new ToolError(`${path} is outside the workspace`);
  };
  const locate = async (path: string): Promise<string> => {
    if (path.includes('\0')) throw new ToolError('a path holds a NUL character');
    return hold(path, await realpathOfLongest(resolve(working, path)));
  };
  return {
    root,
    workingFolder: hold(workingFolder, working),
    locate,
    locateEntry: async (path) => {
      const full = resolve(working, path);
      return hold(path, join(await locate(dirname(full)), basename(full)));
    },
    show: (path) => relative(root, path) || '.',
  };
};
