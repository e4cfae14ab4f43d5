import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScratchFolder } from '../../../platform/scratch-folder.ts';

const PROGRAM = `
import { openScratchFolder } from ${JSON.stringify(join(import.meta.dirname, '../../../platform/scratch-folder.ts'))};
console.log(await openScratchFolder(process.argv[1]));
setInterval(() => {}, 1000);
`;

const openElsewhere = async (root: string) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, path: line.toString().trim() };
};

test('the folder of a killed process is removed by the next one, those of living ones and strange names are kept', async () => {
  const root = await mkdtemp(join(tmpdir(), 'codebay-test-'));
  const living = await openElsewhere(root);
  const killed = await openElsewhere(root);
  try {
    await writeFile(join(killed.path, 'code'), 'of a user');
    await writeFile(join(root, 'note'), 'not ours');
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    const own = await openScratchFolder(root);
    expect(existsSync(killed.path)).toBe(false);
    expect((await readdir(root)).map((name) => join(root, name)).sort()).toEqual([own, living.path, join(root, 'note')].sort());
    expect(await openScratchFolder(root)).toBe(own);
  } finally {
    killed.child.kill('SIGKILL');
    living.child.kill('SIGKILL');
    await once(living.child, 'exit');
    await rm(root, { recursive: true, force: true });
  }
});
