import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';

const ZSTD_LEVEL = 3;
const CHUNK_BYTES = 1024 * 1024;

export interface CompressOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes so far, before they are compressed. */
  readonly onProgress: (bytes: number) => void;
}

/** Compresses by zstd at level 3 with flat memory. The stream fails where `content` does; destroying it ends `content`. */
export const compress = (content: AsyncIterable<Buffer>, { signal, onProgress }: CompressOptions): Readable => {
  const counted = async function* (): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      onProgress(bytes);
      yield chunk;
    }
  };
  const packed = new PassThrough({ highWaterMark: CHUNK_BYTES });
  const zstd = createZstdCompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
  // The pipeline destroys `packed` with whatever goes wrong, which is where its reader hears of it.
  pipeline(counted, zstd, packed, { signal }).catch(() => {});
  return packed;
};
