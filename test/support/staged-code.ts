import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import type { CodeSource, StageInput } from '../../tasks/ports/code-source.ts';
import type { StoredObject } from '../../tasks/ports/object-store.ts';

export interface StagedFile {
  readonly kind: 'file' | 'link';
  readonly executable: boolean;
  /** A link's target, or the file's bytes; one character a byte. */
  readonly content: string;
}

/** A folder for one test, gone with `remove`. */
export const scratchFolder = (): { readonly path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), 'codebay-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

/** A sink that keeps the archive in a file. */
export const sinkTo =
  (file: string) =>
  async (archive: Readable): Promise<StoredObject> => {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const hashing = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    };
    await pipeline(archive, hashing, createWriteStream(file));
    return { sizeBytes, sha256: hash.digest('hex') };
  };

/** Unpacks a staged archive as a run's sidecar would: with the system's tar. */
export const unpackStaged = async (file: string, folder: string): Promise<void> => {
  mkdirSync(folder);
  const tarball = `${file}.tar`;
  const { createReadStream } = await import('node:fs');
  await pipeline(createReadStream(file), createZstdDecompress(), createWriteStream(tarball));
  execFileSync('tar', ['--extract', '--file', tarball, '--no-same-owner', '-C', folder]);
  rmSync(tarball);
};

/** Stages and unpacks into `<scratch>/<name>`. */
export const stageInto = async (
  source: CodeSource,
  input: Pick<StageInput, 'source' | 'commit' | 'zip'>,
  folder: string,
): Promise<{ readonly files: number }> => {
  const archive = `${folder}.tar.zst`;
  const { files } = await source.stage({ ...input, signal: new AbortController().signal, onProgress: () => {} }, sinkTo(archive));
  await unpackStaged(archive, folder);
  return { files };
};

/** Everything in a folder but git's own, by path; paths hold one character a byte. Links are not followed. */
export const readTree = (folder: string): Map<string, StagedFile> => {
  const found = new Map<string, StagedFile>();
  const visit = (prefix: string): void => {
    for (const name of readdirSync(Buffer.from(`${folder}/${prefix}`, 'latin1'), { encoding: 'latin1' })) {
      const path = prefix + name;
      if (path === '.git') continue;
      const place = Buffer.from(`${folder}/${path}`, 'latin1');
      const stat = lstatSync(place);
      if (stat.isDirectory()) visit(`${path}/`);
      else if (stat.isSymbolicLink()) found.set(path, { kind: 'link', executable: false, content: readlinkSync(place, 'latin1') });
      else found.set(path, { kind: 'file', executable: (stat.mode & 0o100) !== 0, content: readFileSync(place, 'latin1') });
    }
  };
  visit('');
  return found;
};
