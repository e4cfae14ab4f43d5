import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from './git.ts';

/** Highest in rank of all attributes: whatever the repository says, no byte is changed on its way in or out. */
const EXACT_BYTES = '* -text -eol -crlf -ident -filter -working-tree-encoding -export-ignore -export-subst\n';

/** Makes an empty repository in `folder` that takes every byte as it is. */
export const initRepository = async (git: Git, folder: string, objectFormat: string, signal: AbortSignal): Promise<void> => {
  await mkdir(folder);
  const command = { cwd: folder, signal, timeoutMs: 60_000 };
  await git(['init', '--quiet', '--template=', '--initial-branch=main', `--object-format=${objectFormat}`], command);
  await mkdir(join(folder, '.git', 'info'), { recursive: true });
  await writeFile(join(folder, '.git', 'info', 'attributes'), EXACT_BYTES);
  // Unpacked elsewhere the files have other inodes and change times; without these git would read every file again.
  for (const setting of ['core.checkStat=minimal', 'core.trustctime=false', 'core.autocrlf=false']) {
    const [name = '', value = ''] = setting.split('=');
    await git(['config', name, value], command);
  }
};
