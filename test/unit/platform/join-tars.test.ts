import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinTars } from '../../../platform/archive/join-tars.ts';
import { scratchFolder } from '../../support/staged-code.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const tarOf = (name: string, files: Readonly<Record<string, Buffer>>): Buffer => {
  const folder = join(scratch.path, name);
  mkdirSync(folder);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return execFileSync('tar', ['--create', '--file=-', ...Object.keys(files)], { cwd: folder });
};

async function* inPieces(tar: Buffer, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < tar.length; start += sizeBytes) yield tar.subarray(start, start + sizeBytes);
}

const collect = async (pieces: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
};

test.each([1, 100, 512, 700, 100_000])('tars that come in pieces of %d bytes are one, zeros in files included', async (sizeBytes) => {
  const first = tarOf(`first-${sizeBytes}`, {
    [`${'long'.repeat(40)}`]: Buffer.from('long'),
    zeros: Buffer.alloc(1536),
    empty: Buffer.alloc(0),
  });
  const second = tarOf(`second-${sizeBytes}`, { last: Buffer.from('last') });
  const joined = await collect(joinTars([inPieces(first, sizeBytes), inPieces(second, sizeBytes)]));
  const names = execFileSync('tar', ['--list', '--file=-'], { input: joined }).toString().split('\n');
  expect(names).toEqual(['long'.repeat(40), 'zeros', 'empty', 'last', '']);
  expect(execFileSync('tar', ['--extract', '--to-stdout', '--file=-', 'zeros', 'last'], { input: joined })).toEqual(
    Buffer.concat([Buffer.alloc(1536), Buffer.from('last')]),
  );
});

test('a tar that breaks off is no tar', async () => {
  const whole = tarOf('whole', { file: Buffer.alloc(2048) });
  for (const length of [0, 400, 1024, 2560]) {
    await expect(collect(joinTars([inPieces(whole.subarray(0, length), 300)]))).rejects.toThrow('no end');
  }
});
