import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';

const ZSTD_LEVEL = 3;
const CHUNK_BYTES = 1024 * 1024;

/** The owner is no one's in particular; whoever unpacks becomes it. */
const TAR = ['--create', '--file=-', '--owner=0', '--group=0', '--numeric-owner', '--null', '--files-from=-'] as const;

export interface PackOptions {
  readonly path?: string | undefined;
  readonly signal: AbortSignal;
  /** Called with the bytes of tar so far. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Packs what is in a folder, not the folder itself, as a tar compressed by zstd at level 3, with flat memory. Bytes, times, executable bits
 * and links are kept; links are not followed. The stream fails where tar does; destroying it ends tar.
 */
export const packFolder = async (
  folder: string,
  { path = '/usr/local/bin:/usr/bin:/bin', signal, onProgress }: PackOptions,
): Promise<Readable> => {
  const names = await readdir(folder, { encoding: 'buffer' });
  const child = spawn('tar', [...TAR], { cwd: folder, env: { PATH: path, LC_ALL: 'C' }, stdio: ['pipe', 'pipe', 'ignore'] });
  const exit = once(child, 'close') as Promise<[number | null]>;
  // Awaited below; a listener from the start keeps an early failure from going unheard.
  exit.catch(() => {});
  child.stdin.on('error', () => {}).end(Buffer.concat(names.sort(Buffer.compare).flatMap((name) => [name, Buffer.from([0])])));
  const tar = async function* (): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        onProgress(bytes);
        yield chunk;
      }
      const [exitCode] = await exit;
      if (exitCode !== 0) throw new Error(`tar ended with ${exitCode === null ? 'a signal' : `code ${exitCode}`}`);
    } finally {
      child.kill('SIGKILL');
    }
  };
  const packed = new PassThrough({ highWaterMark: CHUNK_BYTES });
  const zstd = createZstdCompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
  // The pipeline destroys `packed` with whatever goes wrong, which is where its reader hears of it.
  pipeline(tar, zstd, packed, { signal }).catch(() => {});
  return packed;
};
