import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Confinement } from './confinement.ts';

/**
 * Names what programs of a run find around them: equal on two machines where what one run installed works in the other. Null without a
 * sandbox, where folders have other paths in each run.
 */
export const sandboxEnvironment = async ({ mode, readable }: Confinement): Promise<string | null> => {
  if (mode === 'none') return null;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const system = createHash('sha256')
    .update(JSON.stringify([release, readable]))
    .digest('hex');
  return `sandbox ${process.platform} ${process.arch} node ${process.version} ${system}`;
};
