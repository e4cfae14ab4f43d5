import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBareRepository, gitIn } from '../../test/support/git-repos.ts';
import { craftZip } from '../../test/support/zips.ts';

const MB = 1_000_000;
const FILE_BYTES = 60_000;
const WORDS = 4096;

/** Text that shrinks by about as much as code does, and never repeats within the reach of a compressor. */
const text = (sizeBytes: number): Buffer => {
  let state = 42;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  const words = Array.from({ length: WORDS }, () =>
    next()
      .toString(36)
      .slice(0, 1 + (next() % 8)),
  );
  let line = '';
  while (line.length < sizeBytes) line += `${words[next() % WORDS]}${next() % 9 === 0 ? '\n' : ' '}`;
  return Buffer.from(line.slice(0, sizeBytes));
};

/** A served repository with one commit of about `megabytes` in files of 60 kB; answers with the commit. */
export const generateRepository = async (root: string, name: string, megabytes: number): Promise<string> => {
  const repository = createBareRepository(root, name);
  const block = text(8 * MB);
  const commands = function* (): Generator<Buffer> {
    yield Buffer.from('commit refs/heads/main\ncommitter Ada <ada@example.com> 1704067200 +0000\ndata 4\nwork\n');
    for (let index = 0; index * FILE_BYTES < megabytes * MB; index += 1) {
      const start = (index * 7_919_017) % (block.length - FILE_BYTES);
      const head = Buffer.from(`// ${index}\n`);
      yield Buffer.from(`M 100644 inline src/d${index % 97}/${index}.txt\ndata ${head.length + FILE_BYTES}\n`);
      yield Buffer.concat([head, block.subarray(start, start + FILE_BYTES), Buffer.from('\n')]);
    }
  };
  const child = spawn('git', ['-c', 'core.compression=1', 'fast-import', '--quiet', '--depth=0'], {
    cwd: repository,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exit = once(child, 'close');
  await pipeline(Readable.from(commands(), { objectMode: false }), child.stdin);
  if ((await exit)[0] !== 0) throw new Error('the repository could not be generated');
  return gitIn(repository, ['rev-parse', 'refs/heads/main']);
};

/** A zip of many small files in a hundred folders. */
export const generateZip = (file: string, files: number): void => {
  const entries = Array.from({ length: files }, (_, index) => ({
    name: `src/d${index % 100}/e${index % 10}/${index}.txt`,
    content: `file ${index}\n`,
    stored: true,
  }));
  writeFileSync(file, craftZip(entries));
};
